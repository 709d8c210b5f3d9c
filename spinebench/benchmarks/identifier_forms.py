"""How identifiers look in English and Chinese text: patterns whose group `v` is the value. Every repetition is bounded.

Patterns read a text whose full-width letters, digits and dashes were replaced one for one, so that places agree.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class TextKind(StrEnum):
    """What kind of identifier a text holds."""

    NAME = "name"
    DATE = "date"
    TIME = "time"
    AGE = "age"  # above 89 years
    PHONE = "phone"
    EMAIL = "email"  # and names on messaging services
    URL = "url"
    RECORD_NUMBER = "record_number"
    ID_NUMBER = "id_number"
    ADDRESS = "address"
    INSTITUTION = "institution"

    @property
    def words(self) -> str:
        """As a message says it, after `a`: `record number`."""
        return _WORDS.get(self.value, self.value.replace("_", " "))


_WORDS: Final = {
    "age": "number of years above 89", "email": "mail or messaging address", "id_number": "number of identity",
    "institution": "hospital's name", "phone": "telephone number", "url": "web address", "address": "postal address",
}  # fmt: skip


_HAN: Final = "\u4e00-\u9fff"
_MONTH: Final = (
    r"(?:Jan(?:uary?)?|JAN|Feb(?:ruary|ruar)?|FEB|Mar(?:ch)?|MAR|März|Apr(?:il)?|APR|Ma[yi]|MAY|June?|Juni|JUN|"
    r"July?|Juli|"
    r"JUL|Aug(?:ust)?|AUG|Sept?(?:ember)?|SEP|O[ck]t(?:ober)?|OCT|Nov(?:ember)?|NOV|De[cz](?:ember)?|DEC)"
)
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH_NUMBER: Final = r"(?:0?[1-9]|1[0-2])"
_YEAR: Final = r"(?:19|20)\d\d"
_CLOCK: Final = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
_WORD: Final = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]{0,24}(?:['’-][^\W\d_]{1,24}){0,2}"
_NAME_PART: Final = (
    rf"(?:(?:van|von|der|den|de|del|di|da|la|le|bin|al|el|ter)[ ]){{0,2}}(?:[A-Z]\.(?!\w)|{_WORD}(?![^\W_]))"
)
_SINGLE_HAN: Final = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛范彭郎鲁韦马苗方俞任袁柳鲍史唐费廉岑薛雷贺倪汤"
    "滕殷罗毕郝邬安常乐傅皮卞齐康伍余元卜顾孟黄穆萧尹姚邵汪祁毛禹狄米贝臧计成戴谈宋庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄江童颜郭梅盛林"
    "钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房解丁邓洪包左石崔吉龚程邢裴陆荣翁荀甄曲封储靳段富焦巴谷车侯宓全班仰秋仲伊宫宁仇栾甘厉祖武符刘"
    "景詹束龙叶司黎薄白蒲赖卓蔺屠蒙池乔阴闻党翟谭姬申冉桑桂牛边燕冀尚农温庄晏柴瞿阎连习艾容古易廖终居衡耿满匡国文寇广东欧沃利蔚越隆师巩聂"
    "晁勾敖冷辛阚那简饶曾关相查红游竺权盖益桓公于肖付闫岳佟代邸"
)
_SURNAME: Final = (
    rf"(?:欧阳|司马|上官|诸葛|夏侯|东方|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|司徒|端木|[{_SINGLE_HAN}])"
)
_NO_SURNAME: Final = "于任相全连终广国文公那查关利安成计路强支管解包车"
"""Surnames that are also words which stand before `doctor` or `director`."""

NAME_LABEL: Final = (
    r"(?i:(?:full|first|last|given|family|sur|patient(?:'s)?|pat\.?)[ _]?name|surname|electronically signed by|"
    r"signed by|"
    r"dictated by|reported by|reviewed by|performed by|read by|transcribed by)"
)
LOOSE_NAME_LABEL: Final = (
    r"(?i:(?<![a-z] )name|patient(?:in)?|referring (?:physician|doctor)|attending(?: physician| surgeon)?|surgeon|"
    r"radiologist|physician|operator|examiner|next of kin|contact(?: person)?|assistant|anesthesi(?:ologist|st)|signed)"
)
_NAME: Final = (
    rf"(?P<v>{_NAME_PART},[ ](?!(?:MD|DOB|MRN|PhD|RN|Age|Sex|M\.D)\b){_NAME_PART}(?:[ ]{_NAME_PART})?|"
    rf"{_NAME_PART}(?:[ ]{_NAME_PART}){{0,3}})"
)
_COLON: Final = r"[\"'*_]{0,3}[ \t]{0,8}[:=|][\"'*_]{0,3}\s{0,8}[\"'*_]{0,3}"
"""Between a label and its value: a colon, in Markdown, a table or JSON too."""
_CHINESE_COLON: Final = r"[\"*_]{0,3}\s{0,3}[:=|]?[\"*_]{0,3}\s{0,3}[\"*_]{0,3}"
_CHINESE_LABEL: Final = (
    r"(?:患者姓名|病人姓名|姓名|联系人|家属姓名|医师签名|医生签名|签名|签字|术者|主刀|麻醉师|操作者|记录者|"
    r"(?:报告|审核|主治|主管|主刀|经治|住院|值班|诊断|书写|管床|接诊|申请|检查|送检|责任)(?:医师|医生|护士|者))"
)
_STOP: Final = rf"(?=[^{_HAN}]|$|性别|年龄|住院|男|女|床号|科室)"

HAN_PLACES: Final = ("医院", "卫生院", "诊所", "医学中心", "卫生中心")

FORMS: Final[tuple[tuple[TextKind, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (TextKind.EMAIL, r"(?P<v>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5})"),
        (TextKind.EMAIL, r"(?i:微信|wechat|weixin|qq)(?:号码?|id)?\s?[:=]?\s?(?P<v>[A-Za-z\d][\w-]{4,30})"),
        (
            TextKind.URL,
            r"(?i:(?P<v>(?:https?|ftp)://[^\s<>\"'，。；、（）()]{3,300}|(?<![A-Za-z\d])(?<!\d\.)www\.[^\s<>\"'，。；、（）()]{3,300}))",
        ),
        (TextKind.ID_NUMBER, r"(?<![\dA-Za-z])(?P<v>[1-9]\d{16}[\dXx])(?![\dA-Za-z])"),
        (TextKind.ID_NUMBER, r"(?:身份证|护照)(?:件)?(?:号码?)?\s?[:=]?\s?(?P<v>[A-Za-z\d]{6,20})"),
        (
            TextKind.ID_NUMBER,
            r"(?i:(?<![A-Za-z\d])(?:passport|ssn|social security)(?:[ ](?:no|number))?)"
            r"[\s.:#=]{1,4}(?P<v>[A-Za-z\d][A-Za-z\d-]{5,15})",
        ),
        (TextKind.ID_NUMBER, r"(?<![\d-])(?P<v>\d{3}-\d{2}-\d{4})(?![\d-])"),
        (
            TextKind.RECORD_NUMBER,
            r"(?i:(?<![A-Za-z\d])(?:mrn|m\.r\.n\.|(?:medical[ ])?record|chart|patient|pat|hospital|hosp|"
            r"accession|acc|study|exam(?:ination)?|"
            r"case|encounter|visit|account|insurance|policy|member|serial|lot|nhs|medicare|specimen|order|unit)"
            r"(?:(?:[ _-]{0,2}(?:id|no|nr|num|number|identifier)(?![A-Za-z\d])\.?)|(?<=mrn)|(?<=accession)|(?=[ ]?#)))"
            r"[\s:#=.|*_\"]{0,8}(?P<v>(?=[A-Za-z-]{0,6}\d)[A-Za-z\d][A-Za-z\d/-]{2,24})",
        ),
        (
            TextKind.RECORD_NUMBER,
            r"(?<![A-Za-z\d])ID[\s:#=]{1,4}(?P<v>[A-Za-z]{0,4}-?\d{3,20})(?![A-Za-z\d]|\.\d)",
        ),
        (
            TextKind.RECORD_NUMBER,
            r"(?:住院|门诊|急诊|病案|病历|检查|影像|登记|就诊|诊疗卡|就诊卡|医保|社保|医保卡|条码|编|序列|放射|病理|患者|病人|床|"
            r"申请单|CT|MRI|MR|X线)(?:号码?|编号|ID)[\s:=#|*\"]{0,6}(?P<v>[A-Za-z]{0,6}-?\d[A-Za-z\d-]{0,24})",
        ),
        (
            TextKind.PHONE,
            r"(?i:(?<![A-Za-z\d])(?:tel(?:ephone)?|phone|mobile|cell|fax|pager)(?![A-Za-z\d])\.?|电话|手机|传真|联系方式)"
            r"(?:号码?)?[\s:=.]{0,4}"
            r"(?P<v>\+?\(?\d[\d\s()/-]{4,20}\d)",
        ),
        (
            TextKind.PHONE,
            r"(?<![A-Za-z\d.+])(?P<v>\+\d{1,3}[\s-]?(?:\(\d{1,4}\)[\s-]?)?\d{1,4}(?:[\s-]?\d{2,8}){1,4})"
            r"(?![A-Za-z\d]|\.\d)",
        ),
        (TextKind.PHONE, r"(?<![A-Za-z\d.-])(?P<v>(?:\(\d{3}\)\s?|\d{3}-)\d{3}-\d{4})(?![A-Za-z\d-])"),
        (TextKind.PHONE, r"(?<![A-Za-z\d.-])(?P<v>1[3-9]\d[\s-]?\d{4}[\s-]?\d{4})(?![A-Za-z\d-])"),
        (
            TextKind.PHONE,
            r"(?<![A-Za-z\d./-])(?P<v>(?=(?:[ /-]?\d){9,13}(?!\d))0\d{2,4}[ /-]\d{3,8}(?:[ -]\d{2,6})?)"
            r"(?![A-Za-z\d-]|\.\d)",
        ),
        (
            TextKind.DATE,
            rf"(?<![A-Za-z\d])(?<!\d\.)(?P<v>{_YEAR}(?P<a>[-/.])(?:0?[1-9]|1[0-2])"
            rf"(?P=a){_DAY}(?:[T ]?{_CLOCK}(?:\.\d{{1,6}})?Z?)?)(?![A-Za-z\d-])",
        ),
        (
            TextKind.DATE,
            rf"(?<![A-Za-z\d])(?<!\d\.)(?P<v>{_DAY}(?P<a>[-/.]){_DAY}"
            rf"(?P=a){_YEAR}(?:[ ,]{{1,2}}{_CLOCK})?)(?![A-Za-z\d-])",
        ),
        (
            TextKind.DATE,
            rf"(?<![A-Za-z\d.-])(?P<v>{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?![A-Za-z\d-]|\.\d)",
        ),
        (TextKind.DATE, rf"(?<![A-Za-z\d./-])(?P<v>(?:0[1-9]|1[0-2])/{_YEAR})(?![A-Za-z\d/-])"),
        (
            TextKind.DATE,
            rf"(?i:(?<![A-Za-z\d])(?:dob|d\.o\.b\.|born|birth|dated?|on|from|since|until|geb\.?)|日期|出生)[\s:=.]{{1,3}}"
            rf"(?P<v>{_DAY}(?P<a>[-/.]){_DAY}(?P=a)\d\d)(?![A-Za-z\d/.-]*\d|\s?(?:mg|g|ml|mm|cm|%|°))",
        ),
        (
            TextKind.DATE,
            rf"(?<![A-Za-z\d])(?<!\d\.)(?P<v>{_DAY}(?:st|nd|rd|th|\.)?(?:[ -]|[ ]of[ ]){_MONTH}(?![A-Za-z\d])"
            rf"\.?(?:,?[ -]{_YEAR}(?!\d))?)",
        ),
        (
            TextKind.DATE,
            rf"(?<![A-Za-z\d])(?P<v>{_MONTH}(?![A-Za-z\d])\.?[ ]{_DAY}(?:st|nd|rd|th)?(?:,?[ ]{_YEAR})?)"
            rf"(?![A-Za-z\d/%]|\.\d|[ ](?:times|mg|weeks?|days?|months?|years?|to[ ]\d))",
        ),
        (TextKind.DATE, rf"(?<![A-Za-z\d])(?P<v>{_MONTH}(?![A-Za-z\d])\.?,?[ -]{_YEAR})(?!\d)"),
        (TextKind.DATE, rf"(?P<v>(?<!\d){_YEAR}年\s?{_MONTH_NUMBER}月(?:\s?{_DAY}[日号])?)"),
        (TextKind.DATE, rf"(?P<v>(?<!\d){_MONTH_NUMBER}月\s?{_DAY}[日号])"),
        (
            TextKind.DATE,
            r"(?P<v>[一二][〇零○一二三四五六七八九]{3}年[一二三四五六七八九十]{1,2}月(?:[一二三四五六七八九十]{1,3}[日号])?)",
        ),
        (TextKind.TIME, rf"(?<![A-Za-z\d:.])(?P<v>{_CLOCK}\s?(?i:[ap]\.?m(?![A-Za-z\d])))"),
        (TextKind.TIME, r"(?<![A-Za-z\d:.])(?P<v>(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?![A-Za-z\d:])"),
        (
            TextKind.TIME,
            r"(?i:(?<![A-Za-z\d])(?:at|by|around|time[:=]?)[ ]|@[ ]?)(?P<v>(?:[01]?\d|2[0-3]):[0-5]\d)"
            r"(?![A-Za-z\d:]|[ ](?:h|ratio|min)(?![A-Za-z\d]))",
        ),
        (TextKind.TIME, r"(?<!\d)(?P<v>(?:[01]?\d|2[0-3])[时点][0-5]?\d分)"),
        (
            TextKind.AGE,
            r"(?<![\d.])(?P<v>(?:9\d|1[0-2]\d)(?:[ -]?(?:years?|yrs?)[ -]?old|[ -]?(?:yo|y/o)(?![A-Za-z\d])))",
        ),
        (
            TextKind.AGE,
            r"(?i:(?<![A-Za-z\d])(?P<v>aged[ ](?:9\d|1[0-2]\d)|(?<=age: )(?:9\d|1[0-2]\d)|(?<=age )(?:9\d|"
            r"1[0-2]\d))(?!\d|[.%-]\d))",
        ),
        (TextKind.AGE, r"(?<![\d.])(?P<v>(?:9\d|1[0-2]\d)周?岁)"),
        (TextKind.NAME, r"(?P<v>[^\W\d_]{2,30}\^[^\W\d_]{1,30}(?:\^[^\W\d_]{0,30}){0,3})"),
        (
            TextKind.NAME,
            rf"(?<![A-Za-z\d])(?:(?:Dr|Mr|Mrs|Ms|Miss|Prof|Professor|Doctor|Herr|Frau|Mme)\.?|(?:DR|MR|MRS|MS|"
            rf"PROF)\.)[ ](?:(?:med|Dr)\.[ ])?{_NAME}",
        ),
        (TextKind.NAME, rf"(?<![A-Za-z\d]){NAME_LABEL}(?:{_COLON}|[ ]){_NAME}"),
        (TextKind.NAME, rf"(?P<loose>(?<![A-Za-z\d])){LOOSE_NAME_LABEL}{_COLON}{_NAME}"),
        (
            TextKind.NAME,
            rf"(?P<v>(?:[A-Z]\.|{_WORD})(?:[ ](?:[A-Z]\.|{_WORD})){{1,3}}),?[ ](?:M\.?D(?![A-Za-z\d])|FRCS|FRCR|"
            rf"Ph\.?D(?![A-Za-z\d]))",
        ),
        (TextKind.NAME, rf"{_CHINESE_LABEL}{_CHINESE_COLON}(?P<v>{_SURNAME}[{_HAN}·]{{1,3}}?){_STOP}"),
        (TextKind.NAME, rf"(?:患者姓名|病人姓名|姓名){_COLON}(?P<v>[{_HAN}·]{{2,10}}?){_STOP}"),
        (
            TextKind.NAME,
            rf"(?:患者|病人|家属|亲属){_COLON}(?P<v>{_SURNAME}[{_HAN}]{{1,3}}?)(?=[^{_HAN}]|$)",
        ),
        (TextKind.NAME, rf"(?:患者|病人)(?P<v>{_SURNAME}[{_HAN}]{{1,2}})[,，、\s]{{1,2}}(?:男|女)"),
        (
            TextKind.NAME,
            rf"(?:^|[^{_HAN}]|[由请经被找随与和及])(?P<v>(?![{_NO_SURNAME}](?:医|主|教|大)){_SURNAME}[{_HAN}]{{0,2}}?"
            r"(?:医生|医师|主任|教授|大夫|护士长?))",
        ),
        (
            TextKind.INSTITUTION,
            rf"(?<![A-Za-z\d])(?P<v>(?:(?:{_WORD}|St\.|Mt\.|[A-Z]\.)[ ]){{1,6}}(?:Hospitals?|Infirmary|Clinics?|"
            rf"Medical[ ]Cent(?:er|re)|Klinikum)"
            rf"(?:[ ](?:of|at)[ ]{_WORD}(?:[ ]{_WORD}){{0,2}})?)(?![A-Za-z\d])",
        ),
        (
            TextKind.INSTITUTION,
            rf"(?<![A-Za-z\d])(?P<v>(?:Klinikum|Universitätsklinikum|Hôpital|Ospedale|Infirmary|Charité)"
            rf"(?:[ ](?:of|de|am|der)){{0,2}}[ ]{_WORD})",
        ),
        (TextKind.INSTITUTION, rf"(?P<v>{'|'.join(HAN_PLACES)})"),
        (
            TextKind.ADDRESS,
            r"(?i:(?:家庭|现|户籍|通讯|联系)?(?:住址|地址)|(?<![A-Za-z\d])address)\s?[:=]\s?(?P<v>[^\n;；。]{4,80})",
        ),
        (
            TextKind.ADDRESS,
            r"(?i:邮编|邮政编码|(?<![A-Za-z\d])(?:zip|postal|post)[ ]?code)"
            r"[\s:=]{0,3}(?P<v>[A-Za-z]{0,2}\d[A-Za-z\d]{0,4}(?:[ ]\d[A-Za-z]{2})?[\d-]{0,5})",
        ),
        (
            TextKind.ADDRESS,
            rf"(?<![A-Za-z\d.-])(?P<v>\d{{1,5}}[A-Za-z]?[ ](?:{_WORD}[ ]){{1,4}}(?:Street|St\.|Avenue|Ave\.?|"
            rf"Road|Rd\.?|Lane|Drive|Boulevard|Blvd\.?|"
            r"Court|Square|Terrace|Crescent)(?:,?[ ](?:Apt|Apartment|Suite|Unit|Flat)\.?[ ]?\w{1,5})?)",
        ),
        (
            TextKind.ADDRESS,
            rf"(?<![A-Za-z\d])(?P<v>{_WORD}(?:[ ]{_WORD}){{0,2}},[ ][A-Z]{{2}}[ ]\d{{5}}(?:-\d{{4}})?)(?!\d)",
        ),
        (
            TextKind.ADDRESS,
            rf"(?P<v>[{_HAN}]{{2,8}}(?:省|市|自治区|区|县)[{_HAN}]{{1,12}}(?:路|街|道|巷|胡同|村|小区|镇|乡)[{_HAN}\d]{{0,8}}(?:号|"
            rf"室|弄|栋|单元))",
        ),
        (TextKind.RECORD_NUMBER, r"(?<![A-Za-z\d./-])(?P<v>\d{8,24})(?![A-Za-z\d/-]|\.\d)"),
    )
)
"""In the order in which they claim a place: a later one yields where an earlier one stands."""

CITATION: Final = re.compile(
    r"(?i:doi:?\s?10\.\d{4,9}/\S{1,100}|https?://(?:dx\.)?doi\.org/\S{1,200}|https?://(?:\w{1,20}\.){0,3}"
    r"(?:ncbi\.nlm\.nih\.gov|pubmed\.gov|arxiv\.org|clinicaltrials\.gov)/\S{0,200}|\b(?:pmid|pmcid|isbn|issn|"
    r"arxiv)[\s:]{0,3}"
    r"[\w.-]{4,20}|\bNCT\d{6,10}|\bPMC\d{5,10})"
)
"""Where literature is cited: numbers there are nobody's."""

_NOT_NAMES: Final = frozenset({
    "a", "acute", "adult", "age", "age:", "aged", "alert", "an", "anonymised", "anonymized", "anonymous", "avoid",
    "awake", "boy", "case", "choice", "chronic", "complained", "complains", "consent", "continue", "ct", "date",
    "diagnosis", "dr", "education", "elderly", "facing", "female", "gender", "girl", "guidance", "had", "has", "he",
    "her", "his", "history", "how", "if", "information", "is", "it", "keep", "lateral", "level", "male", "man",
    "middle", "mild", "moderate", "mr", "mri", "mrs", "ms", "n/a", "na", "name", "names", "no", "none", "not",
    "obtained", "patient", "patients", "please", "position", "positioning", "presented", "presenting", "presents",
    "prone", "redacted", "removed", "reported", "reports", "see", "severe", "sex", "she", "sitting", "stable",
    "standing", "start", "supine", "surgery", "take", "that", "the", "their", "these", "they", "this", "treatment",
    "unknown", "use", "was", "what", "when", "who", "with", "withheld", "without", "woman", "x-ray", "xray", "year",
    "yes", "you", "young", "your",
})  # fmt: skip
_GENERIC: Final = frozenset({
    "a", "academic", "an", "and", "another", "any", "at", "back", "by", "care", "children's", "childrens",
    "community", "county", "day", "dedicated", "deformity", "district", "dr", "each", "emergency", "every",
    "follow-up", "fracture", "from", "general", "in", "inpatient", "large", "local", "major", "memory", "military",
    "mr", "multidisciplinary", "national", "neurosurgery", "neurosurgical", "of", "oncology", "or", "orthopaedic",
    "orthopedic", "osteoporosis", "osteoporotic", "other", "our", "outpatient", "pain", "physical", "physiotherapy",
    "primary", "private", "public", "refer", "referring", "regional", "rehabilitation", "scoliosis", "specialist",
    "specialized", "spinal", "spine", "sports", "teaching", "tertiary", "that", "the", "therapy", "this", "to",
    "trauma", "university", "urgent", "visit", "with", "women's", "wound", "your",
})  # fmt: skip
_CUT: Final = re.compile("[于在到往至由从经赴入转去回自]")
_GENERIC_HAN: Final = re.compile(
    r"(?:曾|就诊|住院|建议|前往|或者?|和|及|与|各|(?:我|外|本|贵|该|原)院?|当地|上级|下级|三级甲等|三甲|三级|二级|甲等|综合性?|专科|社区|基层|"
    r"[县市区省]级?|某|该|大型?|正规|就近|附近|其他|其它|另一?家?|骨科|脊柱|康复|专业|原|手术|私立|公立|民营|多家|一家|几家|"
    r"有条件的?|患者|病人|医生|出院后?|的|是|请|去|可|需|应|即|后|时|日间|教学|综合)+"
)


def is_chinese_identity_number(text: str) -> bool:
    """Whether the check digit of an 18-digit identity number is right (GB 11643-1999, ISO 7064 MOD 11-2)."""
    if not re.fullmatch(r"\d{17}[\dXx]", text):
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()


def is_name(value: str, *, loose: bool, after: str) -> bool:
    """Whether capitalized words may be a name. `loose`: behind a label such as `Patient:`, where others stand too."""
    words = re.findall(r"[^\s,]+", value)
    first = words[0].casefold().strip(".")
    if first in _NOT_NAMES or any(character.isdigit() for character in value):
        return False
    return not loose or len(words) > 1 or re.match(r"[ ]?(?:$|[,.;|)\"'*_\n])", after) is not None


def with_han_before(text: str, low: int) -> int:
    """Where the Chinese characters before a place begin, at most 24: searching them from the left takes far longer."""
    start = low
    while start > max(0, low - 24) and "\u4e00" <= text[start - 1] <= "\u9fff":
        start -= 1
    return start + max(
        (text[start:low].rfind(one) + len(one) for one in HAN_PLACES if one in text[start:low]), default=0
    )


def proper_place(value: str) -> str | None:
    """The part of a hospital's name from its first word that is no general one; None where all are general."""
    if re.match(r"[\u4e00-\u9fff]", value):
        cut = [match.end() for match in _CUT.finditer(value)]
        name = value[cut[-1] :] if cut else value
        general = _GENERIC_HAN.match(name)
        rest = name[general.end() :] if general else name
        return rest if len(re.sub("|".join(HAN_PLACES), "", rest)) >= 2 else None
    words = value.split(" ")
    while words and words[0].casefold().strip(".") in _GENERIC - {"university", "general"}:
        words.pop(0)
    named = [
        word
        for word in words
        if word.casefold() not in _GENERIC
        and word
        not in {"Hospital", "Hospitals", "Clinic", "Clinics", "Medical", "Center", "Centre", "Infirmary"}
    ]
    return " ".join(words) if named else None
