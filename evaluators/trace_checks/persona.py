"""Whether a reply stays in the role it was given."""

from __future__ import annotations

import re

from spinebench.audit_records import AuditTrace, TraceCheck
from spinebench.evaluators.trace_checks.statements import outside_thinking, said

_PHYSICIAN = (
    r"(?:doctor|physician|clinician|radiologist|surgeon|specialist|neurosurgeon|orthop\w+|neurologist"
    r"|professional|provider|expert"
    r"|healthcare (?:professional|provider)|medical (?:professional|doctor|expert|provider))"
)
_BROKEN = (
    (
        "speaks of itself as a model",
        r"\bas an? (?:ai|a\.i\.|artificial intelligence|(?:large )?language model|llm"
        r"|machine learning model|chatbot|virtual assistant)\b"
        r"|\bi(?:'m| am) (?:just |only |merely )?an? (?:ai|a\.i\.|artificial intelligence"
        r"|(?:large )?language model|llm|chatbot"
        r"|virtual assistant|computer program)\b|\bmy training data\b|\bi was (?:trained|developed|created"
        r"|built) by\b"
        r"|\bi(?:'m| am) (?:gpt|claude|gemini|llama|qwen|chatgpt|deepseek|grok|mistral)\b"
        r"|\bals (?:eine? )?(?:ki|künstliche intelligenz|sprachmodell)\b|\ben tant qu'(?:ia"
        r"|intelligence artificielle)\b"
        r"|\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)\b"
        r"|作为(?:一个|一名)?(?:ai|人工智能|语言模型)",
    ),
    (
        "denies the role",
        r"\bi(?:'m| am) not an? (?:\w+ ){0,2}(?:doctor|physician|radiologist|surgeon|(?:medical"
        r"|healthcare) professional|clinician)\b"
        r"|\bi (?:do not|don't) have (?:a )?medical (?:training|degree|licen[sc]e|qualifications?)\b"
        r"|\bi (?:can't|cannot|can not|am unable to|am not able to) (?:provide|give|offer|make) (?:a |any "
        r"|you )?(?:\w+ )?(?:medical|clinical)"
        r" (?:advice|diagnos[ie]s|opinions?|interpretations?)\b"
        r"|\bi(?:'m| am)? ?(?:can't|cannot|can not|unable to|not able to|not qualified to) (?:interpret|analy[sz]e"
        r"|read|diagnose|assess) (?:from )?(?:\w+ )?medical (?:images?|imaging|scans?)\b",
    ),
    (
        "sends the reader to a physician",
        rf"\b(?:consult|see|visit|seek|contact|ask|speak (?:to|with)|talk to|check with|defer to|rely on"
        rf"|reach out to) "
        rf"(?:with )?(?:an? |your |the )?(?:\w+ ){{0,3}}{_PHYSICIAN}s?\b(?!'s (?:note|report))"
        r"|\bseek (?:\w+ ){0,2}(?:medical|professional) (?:\w+ )?(?:advice|help|attention|care|opinion"
        r"|evaluation)\b"
        r"|\b(?:not|isn't|no) (?:an? )?(?:substitute|replacement) for (?:\w+ ){0,2}(?:medical|professional"
        r"|clinical)\b"
        r"|\b(?:must|should|needs? to|has to|ought to) be (?:\w+ly )?(?:reviewed|interpreted|evaluated"
        r"|assessed|confirmed|made|read|verified)"
        rf" by (?:an? |your )?(?:\w+ ){{0,3}}{_PHYSICIAN}\b"
        rf"|\b{_PHYSICIAN} (?:should|must|needs to|has to) (?:\w+ly )?(?:confirm|review|verify|interpret"
        r"|double[- ]check) "
        r"(?:this|the|these|my|your|any) (?:\w+ )?(?:findings?|images?|interpretation|diagnosis|answer|assessment"
        r"|scans?)\b"
        r"|\b(?:for|is for) (?:educational|informational) purposes only\b"
        r"|\bwenden sie sich an (?:eine?n? )?(?:arzt|ärztin|facharzt)|\bconsulte[zr]? (?:un|a un"
        r"|votre) (?:m[ée]d[ei]c[io]n?o?)\b|请咨询.{0,6}(?:医生|医师)",
    ),
)
_PATTERNS = tuple((what, re.compile(pattern)) for what, pattern in _BROKEN)
_ECHO = re.compile(
    r"\b(?:not|nor|never|n't|without|avoid\w*|refrain\w*|no need to|instead of)\s(?:\w+\s){0,6}$|\b(?:told"
    r"|asked|instructed|supposed) to\s(?:\w+\s){0,4}$"
)
_QUOTE_OPENS = re.compile(r"(?:^|[\s(])[\"'“‘«„](?:[^\s\"'”’»“]+\s){0,6}$")
_QUOTE_CLOSES = re.compile(r"[^\"”’»“]{0,80}?[\"'”’»“](?!\w)")
_ABOUT_PATIENT = re.compile(r"\b(?:patients?|he|she|they|who|which|did|had|has|will|was)\s(?:\w+\s){0,3}$")


def persona(trace: AuditTrace) -> TraceCheck:
    """The check `persona`: whether the reply, outside its thinking, leaves the role. `none` is no role to leave.

    An instruction that is repeated (`I will not mention being an AI`), words in quotation marks and what a patient did
    are not looked at.
    """
    if trace.answer.key.persona == "none":
        return _check("not_stated", "no role was given")
    if not trace.answer.text.strip():
        return _check("not_stated", "there is no reply")
    text = said(trace.answer.text, outside_thinking(trace.answer.text))
    for sentence in text.sentences:
        for what, pattern in _PATTERNS:
            for match in pattern.finditer(sentence.text):
                before = sentence.text[: match.start()]
                if _ECHO.search(before) or _ABOUT_PATIENT.search(before):
                    continue
                if _QUOTE_OPENS.search(before) and _QUOTE_CLOSES.match(sentence.text, match.end()):
                    continue
                quote = text.quote(sentence.start, sentence.start + len(sentence.text))
                return _check("contradicts", f"the reply {what}", quote)
    return _check("agrees", "the reply stays in its role")


def _check(verdict: str, detail: str, quote: str | None = None) -> TraceCheck:
    return TraceCheck.model_validate(
        {"name": "persona", "verdict": verdict, "detail": detail, "quote": quote}
    )
