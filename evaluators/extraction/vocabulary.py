"""The words and marks around a choice: fillers, separators, negations, "none of them", placeholders.

Patterns for text without markup (`text.plain`), bounded and without nested repetition.
"""

from __future__ import annotations

import re

from spinebench.evaluators.extraction.text import ANSWER_CLOSE, BOXED

WORD_FILLER = (
    r"(?:options?|choices?|answers?|letters?|levels?|number|selection|the|is|are|be|both|either"
    r"|clearly|definitely|therefore|thus|most|likely"
    r"|probably|certainly|indeed|simply|still|correct|best|right|my|final|as|follows|following"
    r"|only|just|that|would|one|ones|labell?ed|marked"
    r"|opción|opciones|opção|opções|opzione|opzioni|lettre|lettera|letra|buchstabe|antwort|réponse"
    r"|la|las|les|le|el|los|die|der|das|os|il|lo"
    r"|вариант|варианты|буква|под|şık|seçenek|phương\s+án|pilihan|opsi|huruf|الخيار|هو|هي"
    r"|विकल्प)(?![^\W\d_])"
    r"|选项|選項|选择|選擇|選択肢|옵션|선택지|ตัวเลือก|ข้อ|[ld]'(?=\w)|是|为|為|は|应为|:"
)
FILLER = re.compile(
    rf"(?:{WORD_FILLER}|[\s:=>|\"'(\[{{}}~,{BOXED}]|-(?![\d.])|\.(?!\d)|(?<=\n)\d{{1,2}}[.)]\s)",
    re.IGNORECASE,
)
MAX_FILLERS = 24

NONE = re.compile(
    r"(?:none(?! other| but| except)\b|neither\b|no\s+(?:\w+\s+){0,2}(?:answers?|options?|choices?"
    r"|levels?|match|selection)\b"
    r"|not\s+(?:\w+\s+)?(?:among|listed|in the|on the|given|available|applicable|possible|provided"
    r"|answerable|determin\w+|clear|present|any of)\b"
    r"|n/?a\b|unknown\b|undetermined\b|indeterminate\b|inconclusive\b|unanswerable\b|impossible\b"
    r"|insufficient\b|null\b|nothing\b"
    r"|(?:i\s+|we\s+|it\s+)?(?:cannot|can't|can not|could not|couldn't"
    r"|unable to)\s+(?:be\s+)?(?:\w+ly\s+)?(?:determine|answer|decide|tell|choose"
    r"|select|give|provide|identif|establish|conclude|say|assess|calculate|know|made|found|definitive)\w*"
    r"|keiner?s?\b|aucune?\b|ninguna?\b|nessuna?\b|nenhuma?\b|geen\b|ingen\b|żadn\w|ни\s?один"
    r"|ни\s?одн|нет\s|hiçbiri|không\s+(?:có|xác)|tidak\s+ada"
    r"|以上(?:都|皆|全)?(?:不|非)|都不|无法|無法|没有|沒有|皆非|なし|該当なし|いずれでも|どれでも|없음|해당\s?없|لا\s+شيء|لا\s+يمكن|कोई\s+नहीं)",
    re.IGNORECASE,
)
ALL = re.compile(
    r"(?:all\s+(?:of\s+)?(?:the\s+|these\s+|those\s+|them\b)?(?:above\b|(?:the\s+)?(?:five\s+"
    r"|four\s+|six\s+|three\s+|listed\s+|given\s+|lumbar\s+)*"
    r"(?:options|levels|choices|answers)\b)?(?:\s+(?:options|levels|choices|listed|above"
    r"|are correct))?|every\s+(?:level|option)\b|以上(?:全部|都是|皆是)|全部)",
    re.IGNORECASE,
)
ALL_WORD = re.compile(r"above|options|levels|choices|answers|them|every|全部|都是|皆是", re.IGNORECASE)
EXCEPT = re.compile(
    r"[\s,(]*(?:except|but\b|other than|apart from|besides|excluding|save\b|not\b|minus|from\b|between\b|below\b)",
    re.IGNORECASE,
)

TEMPLATE = re.compile(
    r"(?:x\s?,\s?y\b|\.\.\.|\?{1,3}(?=[\])]|\s|$)|_+|(?:the\s+|your\s+|one\s+|option\s+|chosen\s+"
    r"|single\s+|correct\s+)*"
    r"(?:letters?|answer|option letter|option|choice|your choice)(?:\(s\))?\s?(?=[\])}]|$)"
    r"|[xyn](?=\s?(?:[\])}.,\"']|$|\n)))",
    re.IGNORECASE | re.MULTILINE,
)
AND = (
    r"(?:and|&|\+|as well as|plus|und|et|(?-i:(?<=\s)[yei](?=\s))|og|och|en|ja|ve|và|dan|и|та|و|और"
    r"|und auch|και)"
)
AND_UNSPACED = r"(?:和|与|與|及|以及|と|および|及び|와|과|및|하고|และ)"
OR = (
    r"(?:and/or|or|/or|versus|vs\.?|oder|ou|oppure|(?-i:(?<=\s)[ou](?=\s))|of|eller|tai|lub|albo"
    r"|nebo|vagy|veya|ya da|hoặc|atau|или|або|أو|या|ή)"
)
OR_UNSPACED = r"(?:หรือ|或者?|还是|または|もしくは|か|또는|혹은)"
SEPARATOR = re.compile(
    rf"\s?(?:(?P<either>(?:[,;]\s?)?(?:{OR}(?![^\W\d_])|{OR_UNSPACED}))"
    rf"|(?:[,;]\s?)?(?:{AND}(?![^\W\d_])|{AND_UNSPACED})(?:\s?,)?|\n+\s?(?:[,;]\s?)?(?:-\s"
    rf"|\d{{1,2}}[.)]\s)?|[,;|/]|\s(?=[\[(])|(?=[\[(]))\s?(?:-\s)?",
    re.IGNORECASE,
)
LISTED = re.compile(r"[\s\"'(\[]*(?:(?:options?|levels?|also|both|und|the)\s+)?[\"'(\[]*", re.IGNORECASE)
_RANGE_WORD = r"to\b|up to\b|down to\b|through\b|thru\b|until\b|bis\b|jusqu'[àa]\b|hasta\b|から|至|到"
RANGE = re.compile(rf" ?(?:-|~|\.\.\.?|{_RANGE_WORD})\s?([A-Z])(?![^\W_])", re.IGNORECASE)
RANGE_BETWEEN = re.compile(
    rf"[ )\]\"']{{0,4}}(?:(?P<mark>-|~|\.\.\.?)|{_RANGE_WORD}) ?(?:(?:the|level|option)\s)?[(\[\"']?",
    re.IGNORECASE,
)
"""What joins the two ends of a range, letters or texts; a hyphen alone joins only two of a kind."""
RANGE_BEFORE = re.compile(r"\bbetween\s(?:the\s)?(?:levels?\s|options?\s)?[(\[\"']?$", re.IGNORECASE)
TENTATIVE = re.compile(
    r"[ )\]\"']{0,4}[,;]? ?\(?(?:(?:and|or|but|und|et|y|e)\s)?(?:also\s)?"
    r"(?:possibly|maybe|perhaps|potentially|probably|conceivably|might be|may be|could be|vielleicht"
    r"|möglicherweise|peut-être|quizás|tal vez|forse|talvez)\s"
    r"(?:(?:also|even|the|level|option|and)\s)*[(\[\"']?",
    re.IGNORECASE,
)
"""What makes the option behind it a guess beside the ones before."""
MODAL_BEHIND = re.compile(r"[)\]]?\s(?:might|may|could)\b", re.IGNORECASE)
ITEM = re.compile(r"(?:-\s|\d{1,2}[.)]\s)?")
"""What marks an entry of a list of one entry per line."""
REASON = re.compile(
    r"[)\]\"']{0,2}(?:\s?[:(,.;-]|\s(?:because|due|since|as|with|for|given|shows?|has|on account|owing"
    r"|based|where|which|from|by|at|weil|car|porque)\b|\n|$)",
    re.IGNORECASE,
)
"""What may stand right behind a listed option: an end, or the beginning of a reason."""
NOT_CHOSEN = re.compile(
    r"[\s:(,)\].\"'-]{0,6}(?:(?:is|was|are|looks?|appears?)\s)?(?:\w+ly\s)?"
    r"(?:not|no\b|never|ruled out|excluded|eliminated|rejected|normal|unaffected|unremarkable|unlikely"
    r"|less likely|wrong|incorrect|false|preserved|spared|intact|absent)\b",
    re.IGNORECASE,
)
"""A reason that speaks against its option."""
CLOSERS = re.compile(r"\s?[)\]}\"']+")
JOINT = re.compile(r"\s?(?:[:.=,]|-(?!\d)|\s)?\s?(?:option\s)?[(\[\"']?\s?", re.IGNORECASE)
ASIDE = re.compile(r"\s?\([^()\n]{1,80}\)")
LETTER_BEHIND = re.compile(r"\s?[,-]?\s?[(\[]?\s?(?:option\s)?([A-Z])(?![^\W_]|')\s?[)\]]?")

AFTER_ARTICLE = re.compile(
    r"\s(?:and|or|because|since|as|is|are|was|were|due|which|but|not|rather|over|would|should"
    r"|could|seems|appears|for|in|on|the|by|from|to|with|at"
    r"|that|this|it|we|there|however|if|unless|only|alone|also|again|based|remains|und|oder|weil"
    r"|denn|da|ist|et|ou|car|est|parce|y|o|porque|es|e|perché"
    r"|è|é|pois|och|eller|en|of|ve|veya|çünkü|dan|atau|karena|và|vì|per|by|instead|here|where|when"
    r"|so|then|matches|best|fits|option|are)\b"
)
AFTER_PRONOUN = re.compile(
    r"\s(?:and|or|because|since|is|was|due|but not|rather|over|by|based|for|und|et|y|e)\b"
)
AFTER_INITIAL = re.compile(
    r"\.\s(?:the|this|that|these|it|its|as|because|since|there|in|on|at|based|given|due|which|so"
    r"|no|not|with|i|we|here|however|while|all|an?|both|for|from|my|although|if)\b"
)
RULED_OUT = re.compile(
    r"[\s,)\]]*(?:(?:is|are|was|were|seems?|appears?|looks?|would be|can be|could be|has been"
    r"|have been|being)\s+(?:\w+ly\s+)?(?:(?:also|both|then|therefore|thus|all)\s+)?"
    r"(?:not|un\w+|in(?:correct|valid|consistent|appropriate)|im(?:plausible|possible|probable)"
    r"|less|wrong|false|ruled|excluded|eliminated|rejected|out\b|dismissed|the (?:wrong|least))"
    r"|(?:is|are|was|were|do|does|did|ca|could|would|wo)n't\b|(?:cannot|can not|does not|do not"
    r"|did not|may not|might not|would not)\b"
    r"|不(?:对|正确|是|符合)|错|[가은는이]?\s?아(?:니|닙)|では(?:ない|ありません)|じゃない|değil|नहीं|(?:ist|sind)\s+(?:nicht"
    r"|falsch|unwahrscheinlich)|n'est\s+pas|no\s+es\b|não\s+é|non\s+è)",
    re.IGNORECASE,
)
CONDITION = re.compile(
    r"[\s,)\]]*(?:(?:only\s+)?if|unless|provided that|assuming|in case|had the|were the|were it)\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"\s(?:is|was|has|would|could|can|can't|may|might|shows|does|did|seems|appears|represents"
    r"|cannot|because|since|describes|refers|isn't|being|mentions)\b",
    re.IGNORECASE,
)
STOP_AFTER_NAME = re.compile(
    r"\s?(?:$|[\n.,;:!?)\]}\"'|/&+<-]|\(|\[|"
    + BOXED
    + "|"
    + ANSWER_CLOSE
    + r"|(?:level|levels|disc|disk|at|of|with|in|on|due|because|since|as|is|are|and|or|between|for"
    r"|but|which|that"
    r"|given|based|from|segment|only|und|et|y|e|oder|ou|입|이|です|と|和|が|的|。)(?![A-Za-z]))",
    re.IGNORECASE,
)
MARKED = re.compile(
    r"[(\[](?:option\s|answer\s|choice\s)?([A-Z])[)\]]|\b(?:[Oo]ption|[Cc]hoice"
    r"|[Aa]nswer)\s[(\[]?([A-Z])(?![^\W_]|')"
)
NEGATION_BEFORE = re.compile(
    r"\b(?:not|no|never|least|n't|nor|neither|without|rather than|instead of|except|unlike|over"
    r"|excludes?|excluding|excluded|rul(?:e|es|ed|ing) out|loss of|absence of|absent"
    r"|eliminat\w+|reject\w*|than|against|versus|vs|as opposed to|less likely|unlikely"
    r"|straightening of|reversed|denies|dismiss\w*|discard\w*|reversal of)"
    r"\b[^.;:!?\n]{0,24}$|n't\s[^.;:!?\n]{0,24}$",
    re.IGNORECASE,
)
LETTER_RUN = re.compile(r"[A-Z]{2,26}")
QUESTION_MARK = re.compile(r"[\s)\]\"'.]{0,4}\?")
