"""Announcements of an answer in languages other than English; the letter must follow at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

_LATIN = r"(?<![^\W\d_])"
_END = r"(?![^\W\d_])"


@dataclass(frozen=True)
class Language:
    """The announcements of one language, or of several that share their words."""

    names: str
    cues: tuple[str, ...]
    """Lower-case fragments, one of which stands in every announcement: a cheap test before the pattern."""
    pattern: str
    seconds: tuple[str, ...] = ()
    """ASCII fragments of announcements without a cue: these count only where a cue stands elsewhere in the reply."""

    def may_occur(self, flat: str) -> bool:
        """Whether any cue stands in this lower-case text."""
        return contains(flat, self._normal)

    @cached_property
    def _normal(self) -> tuple[str, ...]:
        """The cues as plain text has them."""
        return tuple(normalize("NFKC", cue) for cue in self.cues)

    @cached_property
    def ascii_stems(self) -> tuple[str, ...]:
        """Lower-case fragments, one of which stands in every announcement that is written in ASCII.

        First words of cues, as more than one space may follow; the dotless i matches i where case is ignored.
        """
        stems = (cue.split()[0].replace("ı", "i") for cue in self._normal)
        return (*(stem for stem in stems if stem.isascii()), *self.seconds)


def contains(text: str, fragments: tuple[str, ...]) -> bool:
    """Whether any of the fragments stands in the text."""
    # A plain loop: faster than any() over a generator, and run over all cues for each reply.
    for fragment in fragments:  # noqa: SIM110
        if fragment in text:
            return True
    return False


OTHER_LANGUAGES: tuple[Language, ...] = (
    Language(
        "Chinese",
        ("答案", "选", "選", "诊断", "診斷", "结论", "回答"),
        r"(?:最终|最終|最后|最後|正确|正確|最佳|标准|我)的?(?:答案|选项|選項|选择|選擇|回答|诊断|診斷|结论)|答案(?:选项|選項)?|(?:我|故|应|應|因此"
        r"|所以)(?:选择|選擇|选|選)|(?<!\w)(?:选|選)(?=\s?[\[(]?[A-Z](?![^\W_]))",
    ),
    Language(
        "Japanese",
        ("選択", "答", "正解", "診断"),
        r"(?:最終|最終的な|正しい|私の最終|正解の)(?:選択肢|選択|答え|解答|回答|診断)|答え|解答|正解|回答(?=[は:])",
    ),
    Language(
        "Korean",
        ("선택", "옵션", "답", "진단"),
        r"(?:최종|올바른|정확한|나의|저의|제)\s?(?:최종\s?)?(?:선택지|선택|옵션|답변|답안|답|정답|진단)|정답|답변?(?=\s?(?:은|:))",
    ),
    Language(
        "German",
        (
            "antwort",
            "endauswahl",
            "endgültig",
            "finale",
            "abschließ",
            "richtige",
            "korrekte",
            "zutreffend",
            "richtig ist",
            "beste",
        ),
        _LATIN + r"(?:(?:endgültige|finale|abschließende|richtige|korrekte|beste|zutreffende)[nrs]?\s+"
        r"(?:antwort|option|wahl|auswahl|lösung|diagnose)(?:en)?|antwort(?:en)?|endauswahl|endantwort"
        r"|richtig\s+ist)" + _END,
    ),
    Language(
        "French",
        (
            "réponse",
            "finale",
            "finaux",
            "définiti",
            "correcte",
            "exacte",
            "retenu",
            "choisi",
            "choix",
            "bonne",
            "meilleure",
        ),
        _LATIN + r"(?:(?:réponse|option|choix|sélection|diagnostic)s?\s+(?:final(?:e|es)?|finaux|définiti(?:f"
        r"|ve)s?|correctes?"
        r"|exactes?|retenue?s?|choisie?s?)|(?:bonnes?|meilleures?)\s+(?:réponse|option)s?|réponses?)" + _END,
        ("final",),
    ),
    Language(
        "Spanish, Portuguese, Italian, Catalan, Romanian",
        (
            "respuesta",
            "resposta",
            "rispost",
            "răspuns",
            "correcta",
            "corrett",
            "correta",
            "giust",
            "elegida",
            "escolh",
            "scelt",
            "corect",
            "opció",
            "opcion",
            "opção",
            "opções",
            "opzion",
            "elección",
            "selección",
            "seleção",
            "alternativa",
        ),
        _LATIN
        + r"(?:(?:respuesta|opción|opcion|opciones|elección|selección|alternativa|resposta|opção|opções"
        r"|escolha|seleção"
        r"|risposta|risposte|opzione|opzioni|scelta|scelte|opció|opțiunea)s?\s+(?:final(?:e|es|i)?"
        r"|finais|correcta?s?|corretta|corrette"
        r"|correta|certa|giusta|definitiv[ae]s?|elegida|escolhida|scelta|corectă|finală)|respuestas?"
        r"|respostas?|risposta|risposte"
        r"|răspuns(?:ul)?(?:\s+(?:final|corect))?)" + _END,
    ),
    Language(
        "Dutch, Swedish, Danish, Norwegian, Finnish, Icelandic",
        (
            "antwoord",
            "keuze",
            "definitieve",
            "uiteindelijke",
            "juiste",
            "beste",
            "svar",
            "slutgiltig",
            "slutlig",
            "rätt",
            "endelig",
            "riktig",
            "korrekte",
            "rigtig",
            "vastaus",
            "vaihtoehto",
        ),
        _LATIN
        + r"(?:(?:definitieve|uiteindelijke|juiste|beste|slutgiltiga?|slutliga|rätta?|endelige?|riktige?"
        r"|korrekte|rigtige)\s+"
        r"(?:opties?|keuze|antwoord|antwoorden|alternativ(?:et|er)?|svar(?:et)?|val(?:et)?|valg)"
        r"|antwoord|svaret|svar"
        r"|(?:lopullinen\s+|oikea\s+)?(?:vastaus|vaihtoehto))" + _END,
    ),
    Language(
        "Polish, Czech, Slovak, Hungarian",
        ("odpow", "opcj", "wybór", "odpov", "volba", "možnos", "válasz"),
        _LATIN + r"(?:(?:ostateczn|końcow|poprawn|prawidłow|konečn|finální\s"
        r"|správn)\w{0,3}\s+(?:odpowied\w{1,3}|opcja|opcje|wybór|odpověď"
        r"|odpoveď|volba|možnost)|odpowiedź|odpověď|odpoveď|(?:végső\s+|helyes\s+)?válasz(?:om)?)" + _END,
    ),
    Language(
        "Russian, Ukrainian, Bulgarian, Serbian",
        ("ответ", "вариант", "выбор", "відпов", "вибір", "отговор", "одговор"),
        _LATIN + r"(?:(?:окончательн|правильн|итогов|финальн|верн|остаточн|краен|правилен|коначан"
        r"|тачан)\w{0,4}\s+(?:ответ|вариант|варианты|выбор"
        r"|відповідь|вибір|отговор|одговор)\w{0,3}|ответ|відповідь|отговор|одговор)" + _END,
    ),
    Language(
        "Turkish, Azerbaijani",
        ("ceva", "yanıt", "seçen", "seçim", "tercih", "şık"),
        _LATIN + r"(?:(?:nihai|son|doğru|en\s+uygun|düzgün)\s+(?:cevab|cevap|yanıt|seçene|seçim|tercih"
        r"|şık)\w{0,8}|cevap|cevabım|yanıt|yanıtım)" + _END,
    ),
    Language(
        "Vietnamese, Indonesian, Malay",
        ("đáp", "câu trả", "lựa", "phương", "pilihan", "opsi", "jawa"),
        _LATIN + r"(?:(?:đáp\s+án|câu\s+trả\s+lời)(?:\s+(?:cuối\s+cùng|đúng|chính\s+xác|của\s+tôi)){0,3}"
        r"|(?:lựa\s+chọn|phương\s+án)(?:\s+(?:cuối\s+cùng|đúng|chính\s+xác|của\s+tôi)){1,3}"
        r"|(?:pilihan|opsi)(?:\s+(?:akhir|terakhir|yang|benar|tepat|saya)){1,3}"
        r"|jawaban(?:nya)?(?:\s+(?:akhir|terakhir|yang|benar|tepat|saya)){0,3}"
        r"|jawapan(?:\s+(?:akhir|yang|betul|saya)){0,3})" + _END,
    ),
    Language(
        "Thai",
        ("คำตอบ", "ตัวเลือก", "ข้อ"),
        r"คำตอบ(?:สุดท้าย|ที่ถูกต้อง|ของฉัน|คือ)?|(?:ตัวเลือก|ข้อ)(?:สุดท้าย|ที่ถูกต้อง)(?:ของฉัน)?",
    ),
    Language(
        "Arabic, Persian, Urdu, Hebrew",
        (
            "الإجابة",
            "الاجابة",
            "الجواب",
            "جابتي",
            "جوابي",
            "خيار",
            "ختيار",
            "پاسخ",
            "جواب",
            "گزینه",
            "انتخاب",
            "תשובה",
            "הבחירה",
        ),
        r"(?:الإجابة|الاجابة|الجواب|إجابتي|اجابتي|جوابي)(?:\s+(?:النهائية|النهائي|الصحيحة|الصحيح)){0,2}"
        r"|(?:الخيار|خياري|اختياري|الاختيار|الخيارات)\s+(?:النهائي|النهائية|الصحيح|الصحيحة)"
        r"|(?:پاسخ|جواب)(?:\s+(?:نهایی|صحیح|درست|من)){0,2}|گزینه(?:\s+(?:نهایی|صحیح|درست|من)){1,2}"
        r"|(?:حتمی|درست)\s+(?:جواب|انتخاب)|ה?תשובה(?:\s+(?:הסופית|הנכונה|שלי)){0,2}"
        r"|הבחירה\s+הסופית(?:\s+שלי)?",
    ),
    Language(
        "Hindi, Bengali, Tamil, Greek",
        ("उत्तर", "जवाब", "विकल्प", "चयन", "উত্তর", "விடை", "பதில்", "απάντηση", "επιλογή"),
        (
            r"(?:मेरा\s+)?(?:(?:अंतिम|सही|अन्तिम)\s+(?:उत्तर|जवाब|विकल्प|चयन)|उत्तर|जवाब)|(?:চূড়ান্ত"
            r"|সঠিক)?\s?উত্তর|(?:இறுதி|சரியான)?\s?(?:விடை|பதில்)"
            + "|"
            + _LATIN
            + r"(?:(?:τελική|σωστή|οριστική)\s+(?:απάντηση|επιλογή)(?:\s+μου)?|απάντηση)"
            + _END
        ),
    ),
)


def occurring(flat: str, piece: str) -> Iterator[Language]:
    """Languages that may announce an answer in a piece of this lower-case text."""
    for language in OTHER_LANGUAGES:
        if (not piece.isascii() or contains(piece, language.ascii_stems)) and language.may_occur(flat):
            yield language
