"""Words that say how a level is spoken of: findings, denials, normality, doubt, history, landmarks. Folded text."""

from __future__ import annotations

import re

FINDING = re.compile(
    r"\b(?:herniat|protru|extru|sequest|bulg|stenos|stenot|narrow|compress|imping|displac|effac"
    r"|encroach|\w*listhes|spondylo(?:l|s|t|p)|slip"
    r"|fractur|collaps|wedg|burst|osteophyt|spurs?\b|spurring|hypertroph|thicken|degenerat"
    r"|desiccat|dehydrat|dark\b|loss\b|lost\b|reduc|decreas|diminish|lesion"
    r"|increased|metasta|tumou?r|mass\b|cysts?\b|ha?emangioma|o?edema|abscess|disciti|spondyliti"
    r"|osteomyeliti|infect|enhanc|abnormal|affected|involved|patholog"
    r"|injur|tears?\b|torn\b|fissure|ruptur|defect|lysis|lytic|sclero|erosi|destruct|destroy"
    r"|irregular|instab|unstable|scolio|malalign|deform|fused|fusion"
    r"|ankylos|calcif|ossif|syrin|hyperintens|hypointens|contusion|ha?ematoma|migrat|contact|abut"
    r"|sublux|disloc|retropuls|schmorl|modic|arthrop|arthrosis"
    r"|arthritis|pain|tender|severe|moderate|mild|worse|vacuum|screw|\brods?\b|cage|implant"
    r"|hardware|loosen|laminectom|discectom|laminoplast|corpectom|acdf|plif"
    r"|tlif|fixation|tarlov|bifida|lumbari[sz]|sacrali[sz]|grown|enlarge|deviat|crowd|indent"
    r"|clump|radicul|myelopath|plexopath|palsy|weak|numb"
    r"|abnormalit|kyphotic|kyphosis|straighten|positive|disease\b|problem|culprit|perched|jumped"
    r"|fragment|annular|cord signal|porotic|porosis|metal)"
    r"|突出|膨出|脱出|膨隆|突入|狭窄|变窄|受压|压迫|压缩|骨折|滑脱|移位|增生|肥厚|增厚|变性|退变|退行|变扁|楔形|破坏|转移|肿瘤|血管瘤|囊肿|占位|水肿|结核"
    r"|感染|炎|脓肿|硬化|钙化|骨化|骨赘|骨刺|减低|降低|增高|高信号|低信号|异常|不稳|不规则|不均|失稳|侧弯|后凸|反弓|变直|裂|缺损|融合|内固定|螺钉|损伤|撕裂"
    r"|游离|脱位|塌陷|压痛|疼痛|麻木|许莫|滑移|积气|真空|消失|粘连|疏松|欠佳|欠规整|突向|后突|受累|变薄|强直|畸形|病变|显示欠清|不清"
)

_PSEUDO = re.compile(
    r"\bwith(?: or |/)without\b|\bno (?:\w+ ){0,2}(?:change|increase|progression|improvement"
    r"|difference)\b|\bnot only\b|\bnot (?:improved|changed|resolved|healed)\b"
    r"|\bno doubt\b|\bwithout (?:\w+ ){0,2}(?:change|progression)\b|\bno longer (?:normal"
    r"|preserved|intact)\b|\bno other\b"
    r"|(?:cannot|can not|can't|could not|not) (?:be )?(?:completely |entirely "
    r"|definitely )?(?:exclude|rule out|ruled out|excluded)|不除外|不能除外|不能排除|未除外|未排除|不排除"
    r"|无(?:力|菌|痛性)|无明显变化|未见(?:明显)?变化|无(?:明显)?(?:改善|好转)|没有(?:变化|好转)"
)
"""Look like denials and are none."""
_DENIAL = re.compile(
    r"\b(?:no|not|without|w/o|denies|denied|negative for|free of|absence of|absent|neither|nor"
    r"|no longer|lacks?|lack of|rules? out|ruled out|never|cannot see|excludes?|excluded|none"
    r"|nothing(?! (?:but|except|other than|(?:more|less|short) (?:than|of)|new)\b))\b"
    r"|n't\b|未见|无|没有|否认|未(?!来)|不伴|不存在|排除|并非|不是|而非|非(?=[骨突])"
)
CHINESE = re.compile(r"[一-鿿]")
DENIED_BEHIND = re.compile(
    r"\b(?:not|no longer) (?:been )?(?:clearly |definitely |currently )?(?:seen|identified"
    r"|visuali[sz]ed|evident|present|observed|detected|appreciated|noted|demonstrated|shown"
    r"|found)\b"
    r"|\b(?:is|are|was|were) absent\b|\b(?:is|are|can be|was|were|has been|have been) (?:excluded"
    r"|ruled out)\b|\b(?:has|have) resolved\b"
    r"|\b(?:isn't|aren't|wasn't|weren't) \w+\b|阴性|(?:突出|狭窄|膨出|骨折)不明显|未显示"
)
NORMAL = re.compile(
    r"(?<!not )(?<!loss of )(?<!non)\b(?:normal(?:ly)?|unremarkable|preserved|maintained|intact"
    r"|well[- ](?:aligned|maintained|preserved|hydrated)|within normal limits|patent|spared"
    r"|uninvolved|unaffected|healthy|adequate|fine|satisfactory|symmetric(?:al)?)\b"
    r"|(?<!不)(?:正常|良好|通畅|完整|规则|自然|对称|清晰|清楚|均匀)|(?:形态|信号|序列|曲度|高度)(?:尚)?可|未受累"
)
DOUBT = re.compile(
    r"\b(?:possibl[ey](?! (?:complication|side|treatment|risk))|probabl[ey]|suspected|suspicious"
    r"|suspicion|questionable|equivocal|may|might|could (?!not)|perhaps|likely represents"
    r"|cannot (?:be )?(?:completely |entirely )?(?:exclude|excluded|rule out|ruled out)"
    r"|not (?:be )?(?:excluded|ruled out)|not entirely excluded)\b"
    r"|可疑|疑似|可能|不除外|不能除外|不能排除|未除外|待排|不排除|疑"
)
PRIOR_BEFORE = re.compile(
    r"\b(?:previous(?:ly)?|prior|status post|s/p|history of|hx of|post-?operative|post-?op"
    r"|former(?:ly)?|underwent|years? ago)\b(?! (?:study|studies|exam\w*|mri|mr|ct|scans?|imaging"
    r"|films?|radiographs?|images?|report|to|x-rays?)\b)(?! ?,)"
    r"|\bprevious (?:mri|ct|study|scan) (?:show|reveal|demonstrat)\w*|\bprior (?:mri|ct|study"
    r"|scan) (?:show|reveal|demonstrat)\w*"
    r"|既往|曾(?:经|行|因|患)?|(?:\d{4}年|\d+年前|\d+月前|外院).{0,12}?行"
)
PRIOR_BEHIND = re.compile(
    r"术后|\bstatus post\b|病史|(?:fusion|discectomy|laminectomy|surgery"
    r"|decompression) (?:was performed |done |performed )?(?:in|on) (?:\d{4}|\d{1,2}/)"
    r"|\b\d+ (?:years?|months?) ago\b|\bin (?:19|20)\d\d\b"
)
HISTORY_LINE = re.compile(
    r"\s*(?:[#>*\-•\d.) ]{0,6})(?:clinical (?:history|information|indication)|history"
    r"|past (?:medical|surgical) history|indications?|reason for (?:exam\w*|study)"
    r"|surgical history|comparison|病史|既往史|现病史|主诉|临床病史|手术史|临床资料)[^:\n]{0,20}:"
)
CONDITION = re.compile(r"\b(?:if|whether|were it|had there been)\b|是否|如果|假如|若(?!干)|倘若")
ASKING = re.compile(
    r"\W*(?:is|are|was|does|do|did|can|could|which|what|where|how|who|should|would|has|have)\b"
    r"|.{0,300}?(?:是否|吗|哪|什么|几)"
)
COMPARED = re.compile(
    r"\b(?:unlike|(?<!other )than|compared (?:to|with)|relative to|versus|vs\.?|in contrast to"
    r"|similar to|as opposed to|adjacent to)(?: (?:at|in|the|that|those|of|adjacent|neighbou?ring"
    r"|disc|discs|level|levels|normal|healthy|to)){0,5} ?$"
    r"|(?:较|比|与|同|相比于|不同于)$"
)
REJECTED = re.compile(
    r"(?:\b(?:not|rather than|instead of|as opposed to)(?: (?:at|in|the|on|of|level)){0,3} ?|而非"
    r"|而不是|不是|并非(?:位于|在)?|而不在)$"
)
LANDMARK_BEFORE = re.compile(
    r"\b(?:count(?:ing|ed)?(?: up| down|ing)?(?: (?:up|down))?|number(?:ed|ing)|label(?:l?ed"
    r"|l?ing)?|assum(?:ed|ing)|extend(?:s|ing)? from (?:the )?(?:images?|scan))(?: (?:from|at|as"
    r"|to|the|of|up|down)){0,3} ?$|(?:从|自)$|\b(?:deemed|considered) (?:to be )?$"
)
LANDMARK = re.compile(
    r"\b(?:images?|slices?|sections?|scans?|cuts?|sequences?) (?:were |was |are )?(?:obtained"
    r"|acquired|performed|taken|done|made|extend|cover|through|includ)\w*|\b(?:field of view"
    r"|scan range|coverage|imaged from|visuali[sz]ed from|includes? the|filter is centred)\b"
    r"|扫描范围|定位|计数|包括.{0,8}扫描|范围"
)
CONUS = re.compile(r"\bconus\b|圆锥|\bcord (?:ends|terminates)")
ELSEWHERE = re.compile(
    r"\s*(?:the )?(?:conus|impression|conclusion|remaining|others?\b|rest\b|visuali[sz]ed"
    r"|incidental|paraspinal|para-?vertebral|sacroiliac|spinal cord|bone marrow|soft tissues?|余"
    r"|其余|其他|诊断|印象|结论|脊髓圆锥)"
)
"""Sentences that are about no level named before."""
EXCEPT = re.compile(
    r"\b(?:except(?:ing)?(?: for)?|apart from|other than|aside from|with the exception of"
    r"|save for|besides|but for)\b|除了?(?!外|非)(?=[^,。;]{0,40}外)|除外(?=:)"
)
EXCEPT_CLOSES = re.compile(r"(?<!除)外(?:,|;|。|其|余|的|$)?")
CONTRAST = re.compile(
    r"(?:, ?)?\b(?:but|while|whereas|however|although|though|yet)\b(?! for)|(?:,)?(?:但是?|而(?!非|且"
    r"|不)|然而|不过)"
)
OTHERS = re.compile(
    r"\s*(?:and )?(?:(?:the )?(?:other|remaining|rest|remainder)|余|其余|其他|其它)(?:\b|(?=[^,。;]))"
)
PREDICATE_VERB = re.compile(
    r"\b(?:is|are|was|were|shows?|showed|demonstrates?|demonstrated|has|have|appears?|looks?"
    r"|there|reveals?|remains?|does|do)\b|示|呈|为|向"
)
ORS = re.compile(r"\b(?:or|nor)\b|或")


def denials(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Start and end of every word of denial in `text[start:end]`; what only looks like one is left out."""
    false = [match.span() for match in _PSEUDO.finditer(text, start, end)]
    return [
        match.span()
        for match in _DENIAL.finditer(text, start, end)
        if not any(low <= match.start() < high for low, high in false)
    ]
