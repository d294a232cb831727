"""Short messages that only have a meaning after what was said before: yes, no, again, more, why, and greetings."""

# ruff: noqa: E501
from __future__ import annotations

import re

from agent.planner.words import normal

__all__ = ["ordinal", "talk_of"]

# what it is: what people say, as whole messages
SAYINGS: dict[str, str] = {
    "yes": "yes|yep|yeah|yup|ya|yes please|sure|sure thing|ok|okay|k|kk|do it|just do it|do that|do this|please do|please do it|"
    "go|go ahead|go for it|go on|let us do it|let us do that|let us go|make it so|confirm|confirmed|y|aye|absolutely|definitely|"
    "of course|sounds good|proceed|apply it|apply that|run it|execute it|execute|yes do it|yes go ahead|ok do it|okay do it|"
    "ok go ahead|please|please go ahead|right|correct|exactly|that one|affirmative|alright|all right|fine|fire away|"
    "yes do that|sure do it|sure go ahead|you may|do so|good idea|agreed|perfect do it|sounds good do it|lgtm",
    "no": "no|nope|nah|n|no thanks|no thank you|do not|do not do it|do not do that|cancel|cancel that|cancel it|forget it|"
    "forget about it|never mind|leave it|leave it alone|leave it as it is|not now|not yet|rather not|hold on|wait|skip|skip it|"
    "negative|no way|stop|stop it|abort|abort mission|hold it|hang on|no do not|no leave it|no wait|no stop|please do not|"
    "i changed my mind|on second thought no|better not|not really|no need",
    "thanks": "thanks|thank you|thx|ty|thanks a lot|thank you very much|cheers|great|nice|cool|perfect|awesome|great thanks|good job|"
    "well done|nice work|excellent|wonderful|sweet|brilliant|good|nice one|lovely|ok thanks|okay thanks|thanks man|got it|i see|"
    "much appreciated|good work|ok cool|great job|super",
    "hello": "hello|hi|hey|hi there|hello there|hey there|good morning|good afternoon|good evening|yo|howdy|hiya|greetings|morning|"
    "hello longshore|hi longshore|hey longshore|how are you|how are you doing|hi how are you|what is up|sup|how is it going",
    "bye": "bye|goodbye|see you|see you later|good night|quit|exit|cya|later|bye bye|that is all|i am done|done|"
    "that is it|that will be all|see ya",
    "help": "help|help me|what can you do|what do you do|what can i ask|what can i ask you|what are you|who are you|commands|"
    "what are your capabilities|capabilities|what else can you do|options|how does this work|how do i use this|what can i do here|"
    "what can you do for me|what do you know|list commands|menu|what can you help with|what can you help me with|"
    "how can you help|how can you help me|i need help|show help|what are my options|usage instructions|are you an ai|are you a bot|"
    "what is this|what tools do you have|which tools do you have|list tools|list your tools|are you human|which model are you",
    "again": "again|once more|retry|try again|repeat|repeat that|do it again|run it again|one more time|same again|refresh|recheck|"
    "check again|check it again|look again|try it again|rerun|re run|re-run|update|once again|do that again|please try again|"
    "and now|how about now|what about now|is it better now|better now|any better|any change|now|still",
    "more": "more|show more|show me more|next|next page|the rest|show the rest|more lines|show all|all of them|everything|more please|"
    "give me more|what else|anything else|further|full output|show me everything|show me the rest|the full log|older lines|more logs|older ones|older|the older ones|earlier ones|earlier|even older|further back|go further back",
    "why": "why|why is that|how come|but why|why so|what is the reason|what caused it|what caused that|reason|the reason|"
    "why did that happen|what happened|why did this happen|how did that happen|what is the cause|root cause|why not|explain|"
    "explain that|explain this|explain it|explain please|please explain|what does that mean|what does this mean|meaning|huh|"
    "i do not understand|i do not get it|what do you mean|elaborate|tell me more|details|more details|can you explain|"
    "can you explain that|can you explain this|explain the error|explain the problem|explain this error|explain the finding|"
    "explain it to me|what does it mean|in plain english|can you explain it",
    "previous": "previous|the previous one|previous one|the one before|before that|the previous container|the previous logs|"
    "previous logs|and before that|and before|the previous|and the previous one|the older one|and the previous|"
    "what about the previous one|show the previous one|show me the previous one|and the previous logs|the one before that|"
    "the last one|the crashed one|from before the crash|before the crash|previous container",
}
_TALK = {saying: kind for kind, listed in SAYINGS.items() for saying in listed.split("|")}
_SOFT = re.compile(
    r"^(?:(?:well|oh|hm+|um|uh|hey|so|and|but|ok|okay|please|then|now|just|yes|longshore|man|dude) )+|(?: (?:please|then|now|thanks|thank you|mate|man|dude|for me|already|yet|longshore|pls|there))+$"
)
_ORDINALS = {
    **{"first": 0, "1st": 0, "1": 0, "one": 0, "former": 0, "second": 1, "2nd": 1, "2": 1, "two": 1, "latter": 1},
    **{
        "third": 2,
        "3rd": 2,
        "3": 2,
        "three": 2,
        "fourth": 3,
        "4th": 3,
        "4": 3,
        "four": 3,
        "fifth": 4,
        "5": 4,
        "last": -1,
    },
}
_ORDINAL = re.compile(r"^(?:the )?(?:number |option |nr )?(" + "|".join(_ORDINALS) + r")(?: one| option)?$")


def talk_of(message: str) -> str:
    """What a short message is: ``yes``, ``no``, ``again`` …; empty when it is a request of its own."""
    text = re.sub(r"[?!.,;]+", " ", normal(message)[0])
    text = " ".join(text.split())
    if not text:
        return "help" if "?" in message else ""
    for _ in range(3):
        if text in _TALK:
            return _TALK[text]
        shorter = _SOFT.sub("", text).strip()
        if shorter == text or not shorter:
            break
        text = shorter
    return ""


def ordinal(message: str) -> int | None:
    """The place in a list that a short answer names: 0 for "the first one", -1 for "the last"."""
    text = " ".join(re.sub(r"[?!.,;#()]+", " ", normal(message)[0]).split())
    found = _ORDINAL.match(text)
    return _ORDINALS[found[1]] if found else None
