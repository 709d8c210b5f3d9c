"""Templates that were written before the rules for headings and put aside until those stood."""

from __future__ import annotations

KEPT: dict[str, str] = {
"report style letters": """A. Imaging Report
«F»

B. Diagnostic Assessment
«D»

C. Therapeutic Recommendations
   C1. Patient Guidance
   «P»
   C2. Surgeon's Plan
   «S»

D. Risks and Expected Outcome
«R»

E. Post-op Care
«O»

F. Reasoning and Disclaimer
«X»
""",
"bold italics": """***Structured Imaging Findings***

«F»

***AI-Assisted Diagnosis***

«D»

***Treatment Recommendations***

*For patients:* «P»

*For clinicians:* «S»

***Risk and Prognosis***

«R»

***Postoperative Management***

«O»

***Rationale and Disclaimer***

«X»
""",
"part n dashes": """Part 1 – Structured Imaging Findings
«F»
Part 2 – AI-Assisted Diagnosis
«D»
Part 3 – Treatment Recommendations
Patient version:
«P»
Physician version:
«S»
Part 4 – Risk and Prognosis
«R»
Part 5 – Postoperative Management
«O»
Part 6 – Rationale and Disclaimer
«X»
""",
"equals signs": """=== Structured Imaging Findings ===
«F»
=== AI-Assisted Diagnosis ===
«D»
=== Treatment Recommendations ===
«T»
=== Risk and Prognosis ===
«R»
=== Postoperative Management ===
«O»
=== Rationale and Disclaimer ===
«X»
""",
"square brackets": """[Structured Imaging Findings]
«F»
[AI-Assisted Diagnosis]
«D»
[Treatment Recommendations: Patient]
«P»
[Treatment Recommendations: Physician]
«S»
[Risk and Prognosis]
«R»
[Postoperative Management]
«O»
[Rationale and Disclaimer]
«X»
""",
"chinese sections": """第一部分:影像学所见
«f»
第二部分:AI辅助诊断
«d»
第三部分:治疗建议
(1)患者版
«p»
(2)医师版
«s»
第四部分:风险与预后评估
«r»
第五部分:术后管理
«o»
第六部分:诊断依据与免责声明
«x»
""",
"chinese plain colon": """影像学表现:«f»
初步诊断:«d»
处理意见:«t»
预后:«r»
术后随访:«o»
说明与免责声明:«x»
""",
"traditional chinese": """## 影像學表現
«f»
## 輔助診斷
«d»
## 治療建議
«t»
## 風險與預後
«r»
## 術後管理
«o»
## 依據與免責聲明
«x»
""",
"json camel": """{"structuredImagingFindings": {"L4/5": "«F»"}, "aiAssistedDiagnosis": "«D»",
"treatmentRecommendations": [{"audience": "all", "text": "«T»"}], "riskAndPrognosis": "«R»",
"postoperativeManagement": "«O»", "rationaleAndDisclaimer": "«X»"}""",
"json cut off": """{"findings": "«F»", "diagnosis": "«D»", "treatment": "«T»", "progn""",
"json numbered keys": """{"1. Structured Imaging Findings": "«F»", "2. AI-Assisted Diagnosis": "«D»",
"3. Treatment Recommendations": {"Patient-facing": "«P»", "Physician-facing": "«S»"},
"4. Risk and Prognosis": "«R»"}""",
"html strong": """<p><strong>Imaging findings</strong><br>«F»</p>
<p><strong>Diagnosis</strong><br>«D»</p>
<p><strong>Treatment recommendations</strong><br>«T»</p>
<p><strong>Risk and prognosis</strong><br>«R»</p>
""",
"xml attribute": """<section title="Structured Imaging Findings">«F»</section>
<section title="AI-Assisted Diagnosis">«D»</section>
<section title="Treatment Recommendations">«T»</section>
""",
"questions of a patient": """## What the images show
«F»
## Most likely diagnosis
«D»
## What we recommend
«T»
## What can go wrong, and outlook
«R»
## After the operation
«O»
## How this was reasoned, and its limits
«X»
""",
"heading with a long tail": """### 1) Structured imaging findings (MRI lumbar spine, sagittal and axial T2)
«F»
### 2) AI-assisted diagnosis, with differentials
«D»
### 3) Treatment recommendations – patient-facing
«P»
### 4) Treatment recommendations – physician-facing
«S»
### 5) Risk stratification and prognosis
«R»
### 6) Postoperative management protocol
«O»
### 7) Rationale, evidence and disclaimer
«X»
""",
"one line each": """**Findings** – «F»
**Diagnosis** – «D»
**Treatment (patient)** – «P»
**Treatment (physician)** – «S»
**Risk/prognosis** – «R»
**Post-op** – «O»
**Disclaimer** – «X»
""",
"greeting and signature": """«I»

---

## Structured Imaging Findings

«F»

## AI-Assisted Diagnosis

«D»

---

## Contact

«U»
""",
"mixed styles": """# Structured Imaging Findings
«F»
**AI-Assisted Diagnosis**
«D»
3. Treatment Recommendations
«T»
Risk and Prognosis:
«R»
## Postoperative Management
«O»
【Rationale and Disclaimer】
«X»
""",
"words of other sections in sentences": """## Imaging Findings
«F»
The diagnosis: see below. Treatment: none given here.
## Diagnosis
«D»
Prognosis is discussed elsewhere
## Treatment
1. Rest
2. «T»
3. Follow-up in two weeks
## Risk and Prognosis
«R»
""",
"lower case": """structured imaging findings
«F»

ai-assisted diagnosis
«D»

treatment recommendations
«T»

risk and prognosis
«R»

postoperative management
«O»

rationale and disclaimer
«X»
""",
"quoted": """> ## Imaging Findings
> «F»
>
> ## Diagnosis
> «D»
>
> ## Treatment
> «T»
""",
"indented": """  ## Imaging Findings
  «F»
  ## Diagnosis
  «D»
""",
"no space after hashes": """##Imaging Findings
«F»
##Diagnosis
«D»
##Treatment
«T»
""",
"german heading is unknown": """## Befund
«I»
""",
"all unknown": """## Summary
«I»
## Notes
«I2»
""",
}  # fmt: skip
