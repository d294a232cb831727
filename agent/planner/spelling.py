"""How people write, as data: contractions and chat spelling, and verbs that take their object in the middle."""

# ruff: noqa: E501
from __future__ import annotations

import re

__all__ = ["LEADING", "MOVED", "SPELLED"]

_SPELLING = {
    r"\bwhat'?s\b": "what is",
    r"\bhow'?s\b": "how is",
    r"\bwhere'?s\b": "where is",
    r"\bwho'?s\b": "who is",
    r"\bwhy'?s\b": "why is",
    r"\bthat'?s\b": "that is",
    r"\bthere'?s\b": "there is",
    r"\bhere'?s\b": "here is",
    r"\bit'?s (?=not|down|broken|failing|crash|still|dead|up|ok|fine|slow|on|about)": "it is ",
    r"\blet'?s\b": "let us",
    r"\b(can|could|should|would|do|does|did|is|are|was|were|has|have|had|must|need)n['o]?t\b": r"\1 not",
    r"\bcannot\b": "can not",
    r"\bwon'?t\b": "will not",
    r"\bain'?t\b": "is not",
    r"\b(i|you|we|they|it|he|she|that|there|who)'ll\b": r"\1 will",
    r"\b(i|you|we|they|it|he|she)'d\b": r"\1 would",
    r"\b(i|you|we|they)'ve\b": r"\1 have",
    r"\b(you|we|they)'re\b": r"\1 are",
    r"\bi'm\b": "i am",
    r"(?<=\w)'s\b": "",
    r"\b(pls|plz|plse|pleas|plase|plesae)\b": "please",
    r"\bu\b": "you",
    r"\br\b(?= (you|they|we))": "are",
    r"\bgimme\b": "give me",
    r"\blemme\b": "let me",
    r"\bwanna\b": "want to",
    r"\bgotta\b": "have to",
    r"\bgonna\b": "going to",
    r"\bwassup\b": "what is up",
    r"\bwdyt\b": "what do you think",
    r"\bk8s\b": "kubernetes",
    r"\bdon t\b": "do not",
    r"\bnvm\b": "never mind",
    r"\bidk\b": "i do not know",
    r"\bns\b": "namespace",
    r"(?:^|\s)(?:-n|--namespace)[ =]": " namespace ",
    r"(?:^|\s)(?:-a|--all-namespaces)\b": " all namespaces",
    r"\benv ?vars?\b": "environment variables",
    r"\bback[ -]end(?=s?\b)": "backend",
    r"\bfront[ -]end(?=s?\b)": "frontend",
    r"\bdata base\b": "database",
    r"\boff and (?:back )?on again\b": "off-and-on",
    r"\bup and running\b": "running",
    r"\balive and (?:well|kicking)\b": "healthy",
    r"\bsafe and sound\b": "healthy",
    r"\bhow (?:big|large|heavy) (?:is|are) (?:the )?([\w./:-]+) image\b": r"inspect the image of \1",
    r"\beverything (?:that )?(?:i|we|you) (?:need|require)\b(?: to be)?(?: installed| set up| here)?": "my environment",
    r"\b(?:does|has) ((?:[\w-]+ ){1,3}?)(?:have|got|know|see|get) (?:the )?[a-z0-9]+_[a-z0-9_]+(?: set| defined| configured)?": r"show the environment variables of \1",
    r"\bis [a-z0-9]+_[a-z0-9_]+ (?:set|defined|configured|there|right) (?:in|for|on) ": "show the environment variables of ",
    r"\bwhat (?:has )?happened (?:in|on|to|with) (?:the |my |our )?cluster\b": "show the events",
    r"\bwhat (?:has )?happened (?=lately|recently|today|just now)": "show the events ",
    r"\bundo (?:the |our |my )?(?:last|latest|most recent|newest|previous) (?:release|change|upgrade|deploy(?:ment)?|rollout|update) (?:of|to|on|for|in) ": "roll back ",
    r"\b(?:find|tell me|show me|give me|determine|identify|get me|get to) (?:out )?(?:the |a )?root cause\b": "diagnose what is wrong",
    r"\b(?:verify|validate|check on|double check) (?:the |my |our )?(?:deployment|installation|app|application)\b": "is everything healthy",
    r"\bclean (?:it all|everything|all of it|all this|the lot|the app|the application) up\b": "uninstall everything",
    r"\bclean up (?:it all|everything|all of it|all this|the lot|the app|the application)\b": "uninstall everything",
    r"\b(?:an |the )?overview(?: of (?:the |my )?(?:current )?(?:state|status|situation|everything|things|deployment))?\b": "the status",
    r"\b(?:the )?current (?:state|status|situation)\b": "the status",
}
SPELLED = [(re.compile(pattern), with_) for pattern, with_ in _SPELLING.items()]
LEADING = re.compile(
    r"^(?:(?:ok|okay|well|good|great|fine|alright|all right|cool|nice|perfect|right|hey|hi|hello|so|hm+|um+|uh+|oh|ah|"
    r"thanks|thank you|yes|yeah|yep|sure|man|dude|listen|look)(?:[,.!]+\s*|\s+))+(?=[^\s?!.,])"
)
"""Interjections before what is really said."""
_GAP = r"((?:(?!please\b|and\b)[\w./:-]+ ){1,5}?)"
_N = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|zero)"
_PODS = r"(?:replicas?|pods?|copies|instances?)"
# "roll the backend back" is "rollback the backend".
MOVED = [
    (re.compile(pattern), with_)
    for pattern, with_ in (
        (rf"\bturn {_GAP}off-and-on\b", r"restart \1"),
        (rf"\b(?:bring|take|get|turn|drop|cut) {_GAP}(?:back )?(?:down|up) to (?={_N}\b)", r"scale \1to "),
        (rf"\bgive {_GAP}(?=(?:another|one|{_N}) (?:more |extra |additional )?{_PODS}\b)", r"scale \1by "),
        (
            rf"^(?:i|we) (?:would like |need|want|should have) (?:to have )?({_N}) (?!{_PODS}\b|min|sec|hour|day|thing|line|log|more|less|question)([\w-]+?)s ?$",
            r"scale \2 to \1",
        ),
        (
            rf"^((?:please |now |i |we |would like |just )*)(?:run|have|use|keep|need|want|make|create|start|launch|give (?:me|us|it)|make (?:it|that)) (?:to have )?(?={_N} {_PODS}\b)",
            r"\1scale to ",
        ),
        (
            r"^((?:please |now |i |we |would like |just )*)(?:need|want|give (?:me|us|it)) (more|fewer|less) (?!info|information|detail|log|line|time|help|memory|ram|cpu|data|context|output|on|about|of|than)",
            r"\1scale \2 ",
        ),
        (rf"\b(?:roll|rolling|rolled) {_GAP}back\b", r"rollback \1"),
        (
            rf"\b(?:put|bring|set|take|change|switch|return) {_GAP}back (?=to (?!life|normal|health|work|\d))",
            r"rollback \1",
        ),
        (rf"\brevert {_GAP}back\b", r"rollback \1"),
        (rf"\b(?:take|tear|bring) {_GAP}down\b", r"takedown \1"),
        (rf"\b(?:shut|turn) {_GAP}(?:down|off)\b", r"shutdown \1"),
        (
            rf"\b(?:put|get|bring|install) {_GAP}(?:on|onto|into|in|to) (?:the |my )?(?:cluster|minikube|kubernetes)\b",
            r"deploy \1",
        ),
        (rf"\b(?:bring|spin|get|turn) {_GAP}(?:up|on|back up|live)\b", r"bringup \1"),
        (rf"\b(?:put|push|get|ship) {_GAP}(?:live|out|deployed)\b", r"deploy \1"),
        (rf"\b(?:set|put|make) {_GAP}(?=(?:to |at |have |run )?(?:one|{_N})\b)", r"scale \1"),
        (rf"\bscale {_GAP}(up|down|out|in)\b", r"scale \2 \1"),
    )
]
