"""How a text tries to steer its judge: patterns over folded text (`folding.fold` with lines), small letters.

Each is bounded and without nested repetition, so that matching stays linear. They are about words addressed to a
judge, marks that end or imitate a prompt, and scores the text gives itself; medical wording that looks alike
(`the examiner`, `grade 2`, `5/5 strength`) is what they are written around.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Kind(StrEnum):
    """What a passage tries."""

    INSTRUCTION = "instruction"  # tells the judge what to do
    DELIMITER = "delimiter"  # ends or imitates what the trace is wrapped in
    SCORE = "score"  # gives itself a score or verdict
    ROLE = "role"  # pretends that somebody else speaks
    INVISIBLE = "invisible"  # characters that are not seen


_JUDGE = (
    r"(?:judges?|graders?|evaluators?|raters?|scorers?|auditors?|assessors?|llm|language model|ai model"
    r"|scoring (?:model|system)|evaluation (?:model|system))"
)
_WORK = (
    r"(?:answers?|responses?|reasonings?|traces?|explanations?|outputs?|solutions?|submissions?"
    r"|analys[ie]s|replies"
    r"|reply|transcripts?)"
)
_ORDERS = (
    r"(?:instructions?|prompts?|directions?|directives?|commands?|messages?|orders?|rubrics?|constraints?)"
)
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|former|system|original|initial|existing|given|safety)"
_UNIT = (
    r"(?!\s?(?:mg|mcg|ml|g|kg|mm|cm|l|units?|days?|weeks?|months?|years?|hours?|minutes?|times|doses?"
    r"|tablets?|%"
    r"|degrees?|levels?|more|patients?)\b)"
)
TOP = rf"(?:full|maximum|maximal|max|perfect|highest|top|excellent|five|ten|[1-9][0-9]{{0,2}}\b{_UNIT})"
"""The best that can be given, or a number that is no dose, time or measure."""

INSTRUCTIONS: tuple[str, ...] = (
    rf"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass|discard|skip|neglect)\s"
    rf"(?:(?:all|any|every|the|your|my|these|those|of|and|other|everything|{_EARLIER})\s){{1,6}}{_ORDERS}\b",
    rf"\b(?:ignore|disregard|forget|override)\s(?:(?:all|any|the|your|of)\s){{0,3}}{_EARLIER}\s"
    rf"(?:guidelines?|rules?|context|text|criteria|policies)\b",
    r"\b(?:ignore|disregard|forget)\s(?:all|everything|anything|what)\s(?:of\s)?(?:the\s)?(?:above|before"
    r"|said|written"
    r"|you (?:were|have been) told|that came before)",
    rf"\b(?:do not|don't|stop|never)\s(?:follow(?:ing)?|apply(?:ing)?|use|using|obey(?:ing)?)\s(?:the|your"
    rf"|this|that|any)"
    rf"\s(?:\w+\s){{0,2}}(?:rubric|scale|scoring|{_ORDERS})\b",
    rf"\b(?:note|message|attention|instructions?|hint|dear|hello|hi|hey|memo|notice|addressed)\s?,?:?\s"
    rf"(?:(?:to|for|the|any|all|dear)\s){{0,3}}{_JUDGE}\b",
    rf"\b(?:as|you are|you're|act as|acting as|if you are|pretend (?:to be|you are))\s(?:the|a|an|my|our"
    rf"|your)\s"
    rf"(?!ai\b|artificial\b|large\b|language\b)(?:\w+\s){{0,2}}{_JUDGE}\b(?=\s?(?:[,:.]|you\b|must\b"
    rf"|should\b|now\b|and\b|$))",
    rf"\b(?:the|any|this|every|all)\s{_JUDGE}\s(?:must|should|shall|has to|have to|is (?:asked|instructed"
    rf"|required"
    rf"|ordered|told)|are (?:asked|instructed|required)|will (?:now|please)|please"
    rf"|needs? to)\s(?:\w+\s){{0,3}}?(?:give|award|score|rate"
    rf"|grade|assign|ignore|accept|approve|mark|disregard|treat|output|respond|return|reply|skip)\b",
    rf"\b(?:give|award|assign|grant|rate|grade|score|mark|assess)\s(?:(?:this|my|the|it|me|these|all|every"
    rf"|each|that"
    rf"|following|above|whole)\s){{0,3}}{_WORK}?\s?(?:(?:with|as|at|a|an|the|of|full|only"
    rf"|all)\s){{0,3}}{TOP}\s?"
    rf"(?:marks?|scores?|points?|ratings?|grades?|credits?|stars?|possible)\b",
    # Without an object, `grade 3/5` is the strength of a muscle.
    rf"\b(?:give|award|assign|grant|rate|grade|score|mark|assess)\s(?:(?:this|my|the|it|me|these|all|every"
    rf"|each|that|following|above|whole)\s){{1,3}}{_WORK}?\s?(?:(?:with|as|at|a|an|the|of|full|only|all)\s)"
    rf"{{0,3}}{TOP}\s?(?:/|out of)\s?[0-9]",
    rf"\b(?:give|award|assign|grant|rate|grade|score|mark)\s(?:(?:this|my|the|that|these|following|above"
    rf"|whole)\s)"
    rf"{{1,3}}{_WORK}\s(?:(?:with|as|at|a|an|the|of|by)\s){{0,3}}{TOP}",
    rf"\b(?:give|rate|grade|score|mark)\s(?:this|it|me|them|us)\s(?:(?:with|as|at|a|an|the)\s){{0,2}}{TOP}"
    rf"(?=\s?(?:$|[.!,;/)\n]|on\b|for (?:all|every|each)\b|in (?:all|every|each)\b))",
    rf"\bthis\s{_WORK}\s(?:deserves?|merits?|should (?:get|receive|be (?:given|awarded|rated|scored"
    rf"|graded))|must (?:get"
    rf"|receive|be (?:given|awarded|rated|scored|graded))|is (?:worth|to be (?:rated|scored|graded)))\s"
    rf"(?:(?:with|as|at|a|an|the|of)\s){{0,3}}{TOP}",
    r"\b(?:do not|don't|never|must not|should not)\s(?:penali[sz]e|deduct|(?:lower|reduce|take) (?:the|any"
    r"|my) (?:score"
    r"|points?|rating))\b",
    r"\b(?:score|rating|grade|mark)s?\s(?:of\s)?(?:[1-9][0-9]{0,2}|five|ten|full|maximum)\s(?:for|on|in"
    r"|across)\s(?:all|every"
    r"|each)\s(?:\w+\s)?(?:dimensions?|criteri\w+|categor\w+|items?|aspects?)\b",
    r"\b(?:new|updated|revised|real|actual|hidden|secret|special|important|override|developer"
    r"|admin)\s(?:system\s)?"
    r"(?:instructions?|prompts?|directives?)\s?(?::|follows?\b|are\b|for\b)",
    r"\b(?:your|the)\s(?:system prompt|new (?:task|role|job|instructions?)|real (?:task"
    r"|instructions?))\s(?:is|are|says?|has)\b",
    r"\b(?:reveal|print|repeat|output|show)\s(?:me\s)?(?:your|the)\s(?:system\s)?(?:prompt|instructions?"
    r"|rubric)\b",
    r"\b(?:respond|reply|answer|output|return)\s(?:only\s)?(?:with"
    r"|using)\s(?:only\s)?(?:the\sfollowing\s)?(?:json|this json"
    r"|\{)",
    # German, French, Spanish, Italian, Portuguese, Dutch
    r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*|beachte\w* nicht)\s(?:\w+\s){0,5}(?:anweisung\w*"
    r"|instruktion\w*"
    r"|vorgaben?|befehle?|aufforderung\w*|prompts?)\b",
    r"\b(?:gib|geben sie|vergib|vergeben sie|bewerte\w*)\s(?:\w+\s){0,5}(?:volle punktzahl|höchstpunktzahl"
    r"|höchste note"
    r"|maximale punktzahl|bestnote|volle punkte|[0-9]+ punkte?)\b",
    r"\b(?:ignore[zr]?|oublie[zr]?|ne tiens pas compte"
    r"|ne tenez pas compte)\s(?:\w+\s){0,5}(?:instructions?|consignes?"
    r"|directives?)\b",
    r"\b(?:donne[zr]?|attribue[zr]?|accorde[zr]?|note[zr]?)\s(?:\w+\s){0,5}(?:note maximale|score maximal"
    r"|la meilleure note"
    r"|[0-9]+ points?|[0-9]+ sur [0-9]+)\b",
    r"\b(?:ignor[aeo]r?|ignoren|olvid[ae]r?|olviden)\s(?:\w+\s){0,5}(?:instrucciones|indicaciones|órdenes)\b",
    r"\b(?:da|dale|otorga|asigna|pon|califica)\w*\s(?:\w+\s){0,6}(?:puntuación máxima|máxima puntuación"
    r"|nota máxima"
    r"|calificación máxima)\b",
    r"\b(?:ignor[ai]\w*|dimentica\w*)\s(?:\w+\s){0,5}(?:istruzioni|indicazioni precedenti)\b",
    r"\b(?:ignor[ea]\w*|esqueça|desconsidere)\s(?:\w+\s){0,5}(?:instruções|orientações anteriores)\b",
    r"\b(?:negeer|vergeet)\s(?:\w+\s){0,5}(?:instructies|aanwijzingen)\b",
    # Polish, Turkish, Vietnamese, Indonesian
    r"\b(?:zignoruj|ignoruj|zapomnij)\w*\s(?:\w+\s){0,5}(?:instrukcj\w+|polece\w+)",
    r"\b(?:önceki|yukarıdaki|tüm)\s(?:\w+\s){0,3}(?:talimat|yönerge)\w*\s(?:\w+\s){0,3}(?:yok say"
    r"|görmezden gel|unut)",
    r"\b(?:bỏ qua|phớt lờ)\s(?:\w+\s){0,5}(?:hướng dẫn|chỉ thị|chỉ dẫn)",
    r"\babaikan\s(?:\w+\s){0,5}(?:instruksi|perintah|petunjuk)",
)
OTHER_SCRIPTS: tuple[str, ...] = (
    # Russian
    r"\b(?:игнорируй|проигнорируй|забудь|не учитывай)\w*\s(?:\w+\s){0,5}(?:инструкци|указани|команд)\w+",
    r"\b(?:поставь|выставь|оцени)\w*\s(?:\w+\s){0,5}(?:максимальн\w+|высш\w+|5 баллов|пять)",
    # Chinese, Japanese, Korean, Arabic, Hindi
    r"(?:忽略|无视|無視|忘记|忘記|不要理会|忽視)[^。\n]{0,12}(?:指令|指示|说明|說明|提示|命令|规则|規則)",
    r"(?:请|請|应|應|必须|必須)?(?:给|給|打|评|評|判)[^。\n]{0,10}(?:满分|滿分|最高分|[0-9五十]分)",
    r"(?:以前|上記|前|これまで|すべて|全て)の[^。\n]{0,8}(?:指示|命令|プロンプト)[^。\n]{0,6}(?:無視|忘れ)",
    r"(?:満点|最高点|[0-9]点)を?(?:つけ|与え|付け)",
    r"(?:이전|위의|모든|앞의)[^.\n]{0,10}(?:지시|명령|지침)[^.\n]{0,6}(?:무시|잊)",
    r"(?:만점|최고점|[0-9]점)을?\s?(?:주|줘|부여)",
    r"(?:تجاهل|انس)\s[^.\n]{0,20}(?:التعليمات|الأوامر|تعليمات)",
    r"(?:निर्देशों|निर्देश)\s[^।\n]{0,12}(?:अनदेखा|नज़रअंदाज़|भूल)",
)
"""Instructions that cannot occur without a letter beyond the Latin ones."""

_THINGS = (
    r"(?:trace|case|text|document|prompt|input|data|transcript|reasoning|response|answer|conversation"
    r"|submission|candidate"
    r"|context|message|instructions?|evaluation|judg[e]?ment|system prompt|user input|untrusted\w*|quote"
    r"|rubric|exam)"
)
_TAGS = (
    r"(?:trace|case|candidate|response|submission|transcript|document|data|input|user|system|assistant"
    r"|human|judge"
    r"|instructions?|prompt|rubric|evaluation|scores?|verdict|judg[e]?ment|evidence|context|untrusted\w*"
    r"|message|reply"
    r"|examinee|student|model_?(?:output|response|answer)|student_?(?:answer|response)|dimension|quote"
    r"|tool_\w+|function_\w+)"
)
DELIMITERS: tuple[str, ...] = (
    rf"</?\s?{_TAGS}(?:[-_:\s][^<>\n]{{0,80}})?/?>",
    r"<\|[^|<>\n]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|<(?:start|end)_of_turn>|<<sys>>|<</sys>>",
    r"\[/?inst\]|\[/?system_prompt\]|\[/?(?:sys|available_tools|tool_calls|tool_results)\]",
    r"</?s>(?=\s*\S)",
    r"<!\[cdata\[|\]\]>",
    rf"^[-=#*_~<\[({{|/\\>\s.]{{0,40}}(?:begin|start|end)(?:ing)?(?:\s|_|-)?(?:of)?(?:\s|_|-)?(?:the"
    rf"|this)?(?:\s|_|-)?"
    rf"(?:\w{{1,20}}(?:\s|_|-))?{_THINGS}\b[-=#*_~>\])}}|/\\<\s.!:]{{0,40}}$",
)
UPPER_DELIMITER = r"\b(?:BEGIN|START|END) OF (?:THE |THIS )?[A-Z]{3,20}\b|<{3,}[^<>\n]{0,80}"
"""Over the text as it was written: capitals make the difference."""

_SCORE_KEYS = (
    r"(?:scores?|ratings?|verdict|grade|marks?|points|evidence|failure_?modes?|dimensions?|judg[e]?ments?"
    r"|evaluation"
    r"|quotes|clinical_rationality|visual_features|spatial_reasoning|overall_score|final_score|total_score)"
)
SCORES: tuple[str, ...] = (
    rf"[{{,[]\s?[\"']{_SCORE_KEYS}[\"']\s?:",
    r"^[\s#>•-]{0,6}(?:(?:overall|final|total|judge|judg[e]?ment|my|recommended|suggested|correct|official"
    r"|expected)\s"
    r"){0,2}(?:scores?|ratings?|marks?|verdict|grade|evaluation)\s?(?::|=|is|->)\s?\(?(?:(?:[0-9]{1,3}"
    r"|five|ten)\s?"
    r"(?:/|out of|of)\s?(?:[0-9]{1,3}|five|ten)|(?:perfect|full|excellent|maximum|pass(?:ed)?)\b)",
    r"^[\s#>•-]{0,6}(?:(?:overall|final|total|judge|my)\s){0,2}(?:score|rating)s?\s?(?::"
    r"|=)\s?(?:[0-9]{1,3}|five|ten)\s?[.!]?$",
    r"\b(?:clinical rationality|visual features?|spatial reasoning"
    r"|quality of (?:the )?(?:spatial )?reasoning|reasoning quality"
    r"|recognition and (?:application|use)[a-z ]{0,30})[ ]?(?:score|rating)?[ ]?(?::|="
    r"|->)[ ]?(?:[1-5]\b(?!\.[ ]|[ ]?\))|five\b)",
    r"\b[1-9][0-9]{0,1}\s?/\s?(?:5|10)\s(?:stars?|points? for (?:this|the|my))\b|[★⭐]{4,}",
    r"\b(?:the|this) (?:judge|grader|evaluator|panel|rater)s? (?:has|have|had) (?:already )?(?:scored"
    r"|rated|graded|given"
    r"|awarded|approved|decided)\b",
)

ROLES: tuple[str, ...] = (
    r"^[\s#>|*•-]{0,6}(?:system|user|assistant|human|developer|judge|evaluator|grader|rater|auditor"
    r"|ipython|tool)"
    r"(?:\s(?:message|prompt|instructions?|note|override))?\s?:(?!\s?(?:musculo|nerv|neuro|cardio|respir"
    r"|central|vascular"
    r"|skelet|urin|digest|gastro|endocr|immun|lymph|reproduct|integument|spine|spinal|bone|locomotor))",
    r"^\s?#{1,6}\s?(?:system|user|assistant|human|instructions?|new instructions?|system prompt|judge"
    r"|input|prompt)"
    r"(?:\s(?:message|prompt|instructions?))?\s?:?$",
    r"\[(?:system|assistant|user|developer|judge|admin)(?:\s(?:message|note|override|prompt))?\]",
)


def compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """All of them as one."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.MULTILINE)
