"""Closing phrases in other languages, with the letter explicit.

`ABC` stands for letters read from the text; `unparsed`, `no_answer` and `refused` for a status without letters.
"""

from __future__ import annotations

import pytest

from spinebench.evaluators.extraction import extract
from spinebench.records import AnswerStatus

DISEASES = ("Healthy", "Osteophytes", "Spinal Canal Stenosis", "Foraminal stenosis", "Spondylolisthesis")
LEVELS = ("L4/L5", "L1/L2", "L5/S1", "L2/L3", "L3/L4")

SINGLE: tuple[tuple[str, str], ...] = (
    ("最终答案：B", "B"),
    ("答案是B", "B"),
    ("我的最终选项：[B]", "B"),
    ("Meine endgültige Option: [B]", "B"),
    ("Ma réponse finale : [B]", "B"),
    ("Mi respuesta final: [B]", "B"),
    ("La mia opzione finale: [B]", "B"),
    ("Minha opção final: [B]", "B"),
    ("最終的な選択肢：[B]", "B"),
    ("正解はBです。", "B"),
    ("정답은 B입니다.", "B"),
    ("최종 선택: [B]", "B"),
    ("Мой окончательный ответ: [B]", "B"),
    ("الإجابة النهائية: B", "B"),
    ("คำตอบสุดท้าย: B", "B"),
    ("Đáp án cuối cùng: B", "B"),
    ("Nihai cevabım: B", "B"),
    ("मेरा अंतिम उत्तर: B", "B"),
    ("Son seçeneğim: [B]", "B"),
    ("最终答案：（B）", "B"),
    ("因此，正确答案是 B。", "B"),
    ("我选择B", "B"),
    ("答案不是B", "unparsed"),
    ("所以选B。", "B"),
    ("选项A不正确。", "unparsed"),
    ("我的最终选择：B：骨赘", "B"),
    ("Die Antwort ist B.", "B"),
    ("Die Antwort ist nicht B.", "unparsed"),
    ("Die richtige Antwort lautet: B", "B"),
    ("Meine endgültige Auswahl: [B]", "B"),
    ("Antwort: B", "B"),
    ("La respuesta correcta es B.", "B"),
    ("La respuesta no es B.", "unparsed"),
    ("La réponse est (B).", "B"),
    ("La réponse n'est pas B.", "unparsed"),
    ("La risposta è B.", "B"),
    ("A resposta é B", "B"),
    ("Ответ: B", "B"),
    ("Правильный ответ — B.", "B"),
    ("Ответ не B.", "unparsed"),
    ("Ответ: А", "A"),
    ("Ответ: В", "unparsed"),
    ("答えはBです", "B"),
    ("正解：B", "B"),
    ("最終選択肢: [B]", "B"),
    ("답: B", "B"),
    ("최종 답변은 B입니다", "B"),
    ("정답은 B가 아닙니다", "unparsed"),
    ("الجواب هو B", "B"),
    ("الإجابة الصحيحة هي (B)", "B"),
    ("सही उत्तर B है।", "B"),
    ("उत्तर: (B)", "B"),
    ("Cevap: B", "B"),
    ("Doğru cevap B", "B"),
    ("คำตอบคือ B", "B"),
    ("Jawaban: B", "B"),
    ("Jawaban akhir saya: [B]", "B"),
    ("Odpowiedź: B", "B"),
    ("Het antwoord is B", "B"),
    ("Svaret är B", "B"),
    ("Η απάντηση είναι B", "B"),
    ("התשובה היא B", "B"),
    ("پاسخ نهایی: B", "B"),
    ("最终答案是：C。", "C"),
    ("**最终答案：C**", "C"),
    ("正确选项：C. Spinal Canal Stenosis", "C"),
    ("答案：C（Spinal Canal Stenosis）", "C"),
    ("故选：C", "C"),
    ("我认为答案是C", "C"),
    ("最終回答：[C]", "C"),
    ("選択肢Cが正解です", "C"),
    ("정답: (C)", "C"),
    ("따라서 정답은 C번입니다", "C"),
    ("Ma réponse finale est l'option C.", "C"),
    ("Option finale : C", "C"),
    ("Mon choix final : [C]", "C"),
    ("Opción final: C", "C"),
    ("Mi opción final: [C]", "C"),
    ("Mi opción final es la C", "C"),
    ("Minha resposta final: C", "C"),
    ("La mia risposta finale: C", "C"),
    ("Mijn definitieve keuze: [C]", "C"),
    ("Moja ostateczna odpowiedź: [C]", "C"),
    ("Мой окончательный вариант: [C]", "C"),
    ("Итоговый ответ: C", "C"),
    ("Son cevabım: C", "C"),
    ("Benim nihai seçeneğim: [C]", "C"),
    ("Lựa chọn cuối cùng của tôi: [C]", "C"),
    ("Pilihan akhir saya: [C]", "C"),
    ("ตัวเลือกสุดท้ายของฉัน: [C]", "C"),
    ("خياري النهائي: [C]", "C"),
    ("मेरा अंतिम विकल्प: [C]", "C"),
    ("Мой финальный выбор: [C]", "C"),
    ("我的最终答案：[C]", "C"),
    ("我的最後選項：[C]", "C"),
    ("나의 최종 선택: [C]", "C"),
    ("私の最終選択：[C]", "C"),
    ("La bonne réponse est la réponse C.", "C"),
    ("La réponse demande les deux clichés.\n\nOption final : C", "C"),
    ("Cevap iki grafiye bakar.\n\nYanit: C", "C"),
)

SEVERAL: tuple[tuple[str, str], ...] = (
    ("最终答案：A、C", "AC"),
    ("最终答案：A和C", "AC"),
    ("答案是AC", "AC"),
    ("정답: A, C", "AC"),
    ("Antwort: A und C", "AC"),
    ("Réponse : A et C", "AC"),
    ("Respuesta: A y C", "AC"),
    ("Ответ: A и C", "AC"),
    ("I’m unable to provide a diagnosis from this image. Please consult a physician.", "refused"),
)


def outcome(text: str, task: str, options: tuple[str, ...]) -> str:
    found = extract(text, task=task, options=options)
    assert (found.status is AnswerStatus.ANSWERED) == bool(found.letters)
    return "".join(found.letters) or found.status.value


@pytest.mark.parametrize(("text", "expected"), SINGLE, ids=[repr(text)[:60] for text, _ in SINGLE])
def test_closing_phrases_of_other_languages(text: str, expected: str) -> None:
    assert outcome(text, "diagnosis", DISEASES) == expected


@pytest.mark.parametrize(("text", "expected"), SEVERAL, ids=[repr(text)[:60] for text, _ in SEVERAL])
def test_lists_in_other_languages(text: str, expected: str) -> None:
    assert outcome(text, "localization", LEVELS) == expected
