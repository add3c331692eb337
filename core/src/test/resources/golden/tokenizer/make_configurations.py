"""Writes clip-configurations.json: the ids that transformers' CLIPTokenizer gives for difficult prompts, under the
ways in which published checkpoints describe their special tokens. Usage: python make_configurations.py
Made with transformers 5.17.0, tokenizers 0.23.2. The vocabulary is the one in clip-vocabulary; a case with "tokenizer"
has a tokenizer.json with that vocabulary, those added tokens and the merges as strings or as arrays."""
import json
import os
import shutil
import tempfile

from transformers import CLIPTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY = os.path.join(HERE, "clip-vocabulary")
START, END = "<|startoftext|>", "<|endoftext|>"


def token(content, normalized=True, **flags):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False} | flags


def typed(content, normalized=True, **flags):
    return {"__type": "AddedToken"} | token(content, normalized, **flags)


CONFIG = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END, "model_max_length": 77}
FLAGS = [
    token("<aa>", True, special=False, lstrip=True),
    token("<bb>", False, special=False, rstrip=True),
    token("cat", True, special=False, single_word=True),
    token("Do  G", True, special=False),
    token("catfish", True, special=False),
    token("É", True, special=False),
]
BOTH = {"49406": token(START, True, special=True), "49407": token(END, False, special=True)}
SPECIALS = [token(START, True, special=True, id=49406), token(END, False, special=True, id=49407)]

# name: files beside the vocabulary
CASES = {
    "strings": {"tokenizer_config.json": CONFIG},
    "vocabulary only": {},
    "sd15": {
        "tokenizer_config.json": CONFIG | {"bos_token": typed(START), "eos_token": typed(END), "unk_token": typed(END)},
        "special_tokens_map.json": {"bos_token": token(START), "eos_token": token(END), "pad_token": END, "unk_token": token(END)},
    },
    "sd21": {
        "tokenizer_config.json": CONFIG,
        "special_tokens_map.json": {"bos_token": token(START), "eos_token": token(END), "pad_token": "!", "unk_token": token(END)},
    },
    "pad as object": {"tokenizer_config.json": CONFIG, "special_tokens_map.json": {"pad_token": token("!")}},
    "decoder": {
        "tokenizer_config.json": CONFIG | {"pad_token": "!", "added_tokens_decoder": BOTH | {"0": token("!", False, special=True)}},
        "special_tokens_map.json": {"pad_token": END},
    },
    "decoder with flags": {
        "tokenizer_config.json": CONFIG | {"added_tokens_decoder": BOTH | {str(49408 + i): t for i, t in enumerate(FLAGS)}}
    },
    "new pad token": {"tokenizer_config.json": CONFIG | {"pad_token": typed("[Pad] x")}},
    "further tokens": {
        "tokenizer_config.json": CONFIG
        | {"additional_special_tokens": ["Foo Bar", "foo", "<x>"], "mask_token": typed("dog", lstrip=True, rstrip=True), "bird_token": "bird"}
    },
    "added_tokens.json": {"tokenizer_config.json": CONFIG, "added_tokens.json": {"<thing>": 49408, "<Thing Two>": 49409, "<gap>": 49500, START: 49406}},
    "short": {"tokenizer_config.json": CONFIG | {"model_max_length": 12}},
    "huge length": {"tokenizer_config.json": CONFIG | {"model_max_length": int(1e30)}},
    "max_len": {"tokenizer_config.json": {"max_len": 20}},
    "tokenizer.json": {"tokenizer": {"added_tokens": SPECIALS, "merges": "arrays"}},
    "tokenizer.json with configuration": {
        "tokenizer": {"added_tokens": SPECIALS, "merges": "strings"},
        "tokenizer_config.json": CONFIG,
        "special_tokens_map.json": {"pad_token": "!"},
    },
    "tokenizer.json with flags": {
        "tokenizer": {"added_tokens": SPECIALS + [t | {"id": 49408 + i} for i, t in enumerate(FLAGS)], "merges": "strings"},
        "tokenizer_config.json": CONFIG,
    },
}

# What depends on the special tokens, for every case ...
SPECIAL_PROMPTS = [
    "", "a <|startoftext|> b", "a<|endoftext|>b", "<|StartOfText|>!", "!<|STARTOFTEXT|>", "<|startoftext|>!",
    "<|ENDOFTEXT|>! cat", "!!! a!b !", "cat dog foo Foo Bar foo bar bird </w> <x>", "catfish cat. concatenate cat",
    "  <aa>  x  <bb>   y", "DO G do  g Do  G do \t g", "É é É E\u0301 e\u0301", "[PAD] [pad] [Pad] x [PAD] X",
    "<thing> <THING> <Thing Two> <thing two><gap>", "<|", "|>", "<|startoftext", "startoftext|>",
    "<|startoftext|><|endoftext|>", "<|endoftext|>!<|endoftext|>", "hot  dog  stand", "one two three four five six seven eight nine ten eleven twelve",
]
# ... and what depends on cleaning and cutting, for the first.
TEXT_PROMPTS = [
    "İstanbul Iıi\u0307", "ß ẞ STRASSE", "ＦＵＬＬ　ｗｉｄｔｈ１２３", "a\u00a0b\u200bc\u200d\ufeffd", "ΣΑΣ ΟΔΟΣ ς",
    "it's IT'S we've WE'LL i'd i'm they're don't'S ''s 'sun", "12345 ½ Ⅷ ٣ ۴ ①", "&amp; &lt;b&gt; &#39;",
    "日本語のテキスト 한국어 中文，句号。", "👨‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ❤️", "\x00\x01\x1f\x7f\x80\x85\x9f", "a\x0b\x0cb\u2028c\u2029d\u3000e\u1680f\u202fg",
    "é\u0327\u0301 a\u0323\u0307 \u1e9b\u0323", "e\u0301\u0301\u0301", "नमस्ते สวัสดี العربية עברית", "\u1100\u1161\u11a8 \ud7a3\u11a8",
    "a</w>b a</w> </w>", "'\u2019s it\u2019s", "x" * 300, "ab" * 100 + " " + "!" * 90, "Ω K Å", "ﬁ ﬀ Ǆ ǅ ŉ ǰ", "\u0345α",
    "\U0001d400\U00010400\U0001f600\U0002f800", "\ufffd\uffff\U0010ffff", "C++ C# (masterpiece:1.2), [low_quality], {a|b}, 8k, 4K, f/1.8",
    "\u180e\u200b\u2060\u00ad", "  leading\t and\r\n trailing  ", "snake_case kebab-case camelCase", "https://example.com/?a=1&b=%20",
]


def write_tokenizer(path, vocabulary, merges, tokenizer):
    pairs = merges if tokenizer["merges"] == "strings" else [m.split(" ") for m in merges]
    content = {key: None for key in ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")}
    content |= {"version": "1.0", "added_tokens": tokenizer["added_tokens"], "model": {"type": "BPE", "vocab": vocabulary, "merges": pairs}}
    with open(path, "w") as f:
        json.dump(content, f)


def main():
    with open(os.path.join(VOCABULARY, "vocab.json")) as f:
        vocabulary = json.load(f)
    with open(os.path.join(VOCABULARY, "merges.txt")) as f:
        merges = f.read().splitlines()[1:]
    cases = []
    for name, files in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            for file, content in files.items():
                if file == "tokenizer":
                    write_tokenizer(os.path.join(folder, "tokenizer.json"), vocabulary, merges, content)
                else:
                    with open(os.path.join(folder, file), "w") as f:
                        json.dump(content, f)
            if "tokenizer" not in files:
                for file in ("vocab.json", "merges.txt"):
                    shutil.copy(os.path.join(VOCABULARY, file), folder)
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            length = tokenizer.model_max_length if tokenizer.model_max_length < 1e6 else 77
            prompts = {}
            for prompt in SPECIAL_PROMPTS + (TEXT_PROMPTS if name == "strings" else []):
                prompts[prompt] = tokenizer(prompt, add_special_tokens=False).input_ids
                padded = tokenizer(prompt, padding="max_length", max_length=length, truncation=True).input_ids
                ids = [tokenizer.bos_token_id] + prompts[prompt][: length - 2] + [tokenizer.eos_token_id]
                assert padded == ids + [tokenizer.pad_token_id] * (length - len(ids))
            special = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
            cases.append({"name": name, "files": files, "length": length, "bos_eos_pad": special, "prompts": prompts})
    with open(os.path.join(HERE, "clip-configurations.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
