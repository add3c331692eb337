package io.github.lcm4j.scheduler;

class Dummy {}
