"""Prompts and the (text, weight) pairs that diffusers' community pipeline lpw_stable_diffusion.py reads from them.

Usage: python make_weights.py PATH/TO/lpw_stable_diffusion.py (from diffusers' examples/community; its parser is that of web UIs).
"""

import ast
import json
import random
import re
import sys
from pathlib import Path

PROMPTS = [
    "", " ", "normal text", "an (important) word", "(unbalanced", "unbalanced)", "[less", "less]", "\\(literal\\]",
    "(unnecessary)(parens)", "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", "(a:1.5)(b:1.5) c", "(a:-0.5)", "(a:+2)",
    "(a:.5) (b:2.)", "a:1.3) b", "[a:1.3) b]", "(a:b:1.2)", "(a [b (c:0.7) d] e)", "((a]) b", "([a)]", "()", "[]", "(:1.2)",
    "back\\slash \\\\ two", "ends with \\", "(red (green [blue) yellow] white", "über (größe:1.2) [日本語]", "a  (b  ) c", "(a:1.2:1.3)",
]  # fmt: skip

source = Path(sys.argv[1]).read_text()
wanted = {"re_attention", "parse_prompt_attention"}
body = [
    node
    for node in ast.parse(source).body
    if getattr(node, "name", None) in wanted or isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in wanted
]
scope = {"re": re}
exec(compile(ast.Module(body, []), sys.argv[1], "exec"), scope)

rng = random.Random(5)
for _ in range(60):
    PROMPTS.append("".join(rng.choice(["(", ")", "[", "]", ":1.3)", ":", "\\", "\\(", "a", "b c", " "]) for _ in range(12)))
pairs = [{"prompt": prompt, "pairs": scope["parse_prompt_attention"](prompt)} for prompt in PROMPTS]
target = Path(__file__).resolve().parent / "weights.json"
target.write_text(json.dumps(pairs, indent=0, ensure_ascii=False) + "\n")
