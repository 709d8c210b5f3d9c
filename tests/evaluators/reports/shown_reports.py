"""Templates that the rules for headings were written with."""

from __future__ import annotations

SHOWN: dict[str, str] = {
"markdown": """# Structured Imaging Findings
«F»
# AI-Assisted Diagnosis
«D»
# Treatment Recommendations
## Patient-Facing
«P»
## Physician-Facing
«S»
# Risk and Prognosis
«R»
# Postoperative Management
«O»
# Rationale and Disclaimer
«X»
""",
"markdown with title and words before": """«I»

# Spine Report
## Structured imaging findings
«F»
## AI-assisted diagnosis
«D»
## Treatment recommendations (patient-facing)
«P»
## Treatment recommendations (physician-facing)
«S»
## Risk and prognosis
«R»
## Postoperative management
«O»
## Rationale and disclaimer
«X»
""",
"numbered markdown": """## 1. Structured Imaging Findings
- «F»
- «F2»

## 2. AI-Assisted Diagnosis
**Primary diagnosis:** «D»
**Differential diagnosis:** «D2»

## 3. Treatment Recommendations
### 3.1 For the patient
«P»
### 3.2 For the physician
«S»

## 4. Risk & Prognosis
«R»

## 5. Postoperative Management
«O»

## 6. Rationale & Disclaimer
«X»
""",
"bold lines": """**Structured Imaging Findings**
«F»

**AI-Assisted Diagnosis**
«D»

**Treatment Recommendations**
**Patient-facing:** «P»
**Physician-facing:** «S»

**Risk and Prognosis**
«R»

**Postoperative Management**
«O»

**Rationale and Disclaimer**
«X»
""",
"bold numbered with colon": """**1. Structured Imaging Findings:** «F»

**2. AI-Assisted Diagnosis:** «D»

**3. Treatment Recommendations:** «T»

**4. Risk and Prognosis:** «R»

**5. Postoperative Management:** «O»

**6. Rationale and Disclaimer:** «X»
""",
"section n": """Section 1: Structured Imaging Findings
«F»
Section 2: AI-Assisted Diagnosis
«D»
Section 3: Treatment Recommendations
3a. Patient-facing
«P»
3b. Physician-facing
«S»
Section 4: Risk and Prognosis
«R»
Section 5: Postoperative Management
«O»
Section 6: Rationale and Disclaimer
«X»
""",
"numbered plain": """1. Structured imaging findings
«F»

2. AI-assisted diagnosis
«D»

3. Treatment recommendations
(a) Patient-facing
«P»
(b) Physician-facing
«S»

4. Risk and prognosis
«R»

5. Postoperative management
«O»

6. Rationale and disclaimer
«X»
""",
"roman capitals": """I. STRUCTURED IMAGING FINDINGS
«F»
II. AI-ASSISTED DIAGNOSIS
«D»
III. TREATMENT RECOMMENDATIONS
A. PATIENT-FACING
«P»
B. PHYSICIAN-FACING
«S»
IV. RISK AND PROGNOSIS
«R»
V. POSTOPERATIVE MANAGEMENT
«O»
VI. RATIONALE AND DISCLAIMER
«X»
""",
"plain lines with colons": """Structured imaging findings:
«F»

AI-assisted diagnosis:
«D»

Treatment recommendations:
«T»

Risk and prognosis:
«R»

Postoperative management:
«O»

Rationale and disclaimer:
«X»
""",
"inline plain": """Findings: «F»
Diagnosis: «D»
Treatment: «T»
Prognosis: «R»
Postoperative care: «O»
Rationale: «X»
""",
"synonyms of radiology": """## IMAGING FINDINGS
«F»
## IMPRESSION
«D»
## MANAGEMENT PLAN
«T»
## RISKS AND OUTCOME
«R»
## FOLLOW-UP AND REHABILITATION
«O»
## DISCLAIMER
«X»
""",
"chinese numbered": """一、影像学表现
«f»
二、AI辅助诊断
«d»
三、治疗建议(患者版)
«p»
四、治疗建议(医生版)
«s»
五、风险与预后
«r»
六、术后管理
«o»
七、依据与免责声明
«x»
""",
"chinese brackets": """【影像学表现】«f»
【AI辅助诊断】«d»
【治疗建议】
患者版:«p»
医生版:«s»
【风险与预后】«r»
【术后管理】«o»
【依据与免责声明】«x»
""",
"chinese markdown": """«i»

### 1. 结构化影像所见
«f»
### 2. AI 辅助诊断
«d»
### 3. 治疗建议
#### 3.1 面向患者
«p»
#### 3.2 面向医生
«s»
### 4. 风险评估与预后
«r»
### 5. 术后管理与随访
«o»
### 6. 推理依据及免责声明
«x»
""",
"chinese bold colon": """**影像表现:** «f»

**诊断意见:** «d»

**治疗方案:** «t»

**风险及预后:** «r»

**术后康复:** «o»

**免责声明:** «x»
""",
"both languages": """## 影像学表现 (Structured Imaging Findings)
«f»
## AI辅助诊断 (AI-Assisted Diagnosis)
«d»
## 治疗建议 (Treatment Recommendations)
### 患者版 (Patient-facing)
«p»
### 医生版 (Physician-facing)
«s»
## 风险与预后 (Risk and Prognosis)
«r»
## 术后管理 (Postoperative Management)
«o»
## 依据与免责声明 (Rationale and Disclaimer)
«x»
""",
"json": """{
  "structured_imaging_findings": "«F»",
  "ai_assisted_diagnosis": "«D»",
  "treatment_recommendations": {"patient_facing": "«P»", "physician_facing": "«S»"},
  "risk_and_prognosis": "«R»",
  "postoperative_management": "«O»",
  "rationale_and_disclaimer": "«X»"
}""",
"json in a fence": """«I»:

```json
{
  "Structured Imaging Findings": ["«F»", "«F2»"],
  "AI-Assisted Diagnosis": {"primary": "«D»", "differential": ["«D2»"]},
  "Treatment Recommendations": "«T»",
  "Risk and Prognosis": "«R»",
  "Postoperative Management": "«O»",
  "Rationale and Disclaimer": "«X»"
}
```
""",
"json nested in report": """{"report": {"findings": "«F»", "diagnosis": "«D»",
 "treatment": {"patient": "«P»", "physician": "«S»"},
 "prognosis": "«R»", "follow_up": "«O»", "rationale": "«X»"}}""",
"html": """<h1>Report</h1>
<h2>Structured Imaging Findings</h2>
<p>«F»</p>
<h2>AI-Assisted Diagnosis</h2>
<p>«D»</p>
<h2>Treatment Recommendations</h2>
<h3>Patient-facing</h3><p>«P»</p>
<h3>Physician-facing</h3><p>«S»</p>
<h2>Risk and Prognosis</h2><p>«R»</p>
<h2>Postoperative Management</h2><p>«O»</p>
<h2>Rationale and Disclaimer</h2><p>«X»</p>
""",
"tags": """<structured_imaging_findings>
«F»
</structured_imaging_findings>
<ai_assisted_diagnosis>
«D»
</ai_assisted_diagnosis>
<treatment_recommendations>
<patient_facing>«P»</patient_facing>
<physician_facing>«S»</physician_facing>
</treatment_recommendations>
<risk_and_prognosis>«R»</risk_and_prognosis>
<postoperative_management>«O»</postoperative_management>
<rationale_and_disclaimer>«X»</rationale_and_disclaimer>
""",
"setext": """Structured Imaging Findings
===========================
«F»

AI-Assisted Diagnosis
=====================
«D»

Treatment Recommendations
=========================
«T»

Risk and Prognosis
==================
«R»

Postoperative Management
========================
«O»

Rationale and Disclaimer
========================
«X»
""",
"out of order": """## Diagnosis
«D»
## Rationale and Disclaimer
«X»
## Imaging Findings
«F»
## Prognosis and Risks
«R»
## Treatment Plan
«T»
## Post-operative Management
«O»
""",
"missing two": """## Imaging findings
«F»
## Diagnosis
«D»
## Treatment
«T»
## Disclaimer
«X»
""",
"repeated": """## Imaging Findings
«F»
## Diagnosis
«D»
## Imaging Findings (continued)
«F2»
## Treatment
«T»
""",
"no headings": """«I». The left L5 root is compressed by a disc. A microdiscectomy may help, and the risk is small.
Physiotherapy is the first step. This is no medical advice.
""",
"only words about headings": """«I». I would need the images to write the imaging findings, a diagnosis
and treatment recommendations.
""",
"unknown heading ends a section": """## Imaging Findings
«F»
## Patient Information
«U»
## Diagnosis
«D»
""",
"deeper unknown headings stay inside": """## Imaging Findings
### Alignment
«F»
### Discs
«F2»
## Diagnosis
#### Why
«D»
""",
"bold words inside": """## Imaging Findings
**L4/5:** «F»
**Conus:** «F2»
## Diagnosis
**Lumbar disc herniation.** «D»
## Treatment
**Surgery** «T»
**Follow-up:** «T2»
## Postoperative Management
**Risks:** «O»
""",
"nested section under another": """## Imaging Findings
«F»
## Diagnosis
«D»
## Treatment
«T»
### Postoperative management
«O»
## Disclaimer
«X»
""",
"emoji": """## 🩻 Structured Imaging Findings
«F»
## 🧠 AI-Assisted Diagnosis
«D»
## 💊 Treatment Recommendations
### 👤 Patient-Facing
«P»
### 👨‍⚕️ Physician-Facing
«S»
## ⚠️ Risk & Prognosis
«R»
## 🏥 Postoperative Management
«O»
## 📝 Rationale & Disclaimer
«X»
""",
"combined heading": """## Imaging Findings
«F»
## Diagnosis
«D»
## Treatment Recommendations
«T»
## Risk, Prognosis and Postoperative Management
«RO»
## Rationale and Disclaimer
«X»
""",
"rules between": """**Structured Imaging Findings**
---
«F»

---
**AI-Assisted Diagnosis**
---
«D»

***

**Treatment Recommendations**
«T»
""",
"list items as headings": """- **Structured imaging findings**: «F»
- **AI-assisted diagnosis**: «D»
- **Treatment recommendations**:
  - **Patient-facing**: «P»
  - **Physician-facing**: «S»
- **Risk and prognosis**: «R»
- **Postoperative management**: «O»
- **Rationale and disclaimer**: «X»
""",
"windows line ends": "## Imaging Findings\r\n«F»\r\n## Diagnosis\r\n«D»\r\n## Treatment\r\n«T»\r\n",
"table": """| Section | Content |
|---|---|
| Structured imaging findings | «F» |
| AI-assisted diagnosis | «D» |
| Treatment recommendations | «T» |
| Risk and prognosis | «R» |
| Postoperative management | «O» |
| Rationale and disclaimer | «X» |
""",
"full width": """１．影像学表现
«f»
２．辅助诊断
«d»
３．治疗建议
«t»
４．预后
«r»
""",
"think first": """<think>
I should give the imaging findings, then a diagnosis.
Diagnosis: maybe a tumour?
</think>
## Imaging Findings
«F»
## Diagnosis
«D»
""",
"empty": "",
"white space": "  \n\n\t\n",
"heading without text": """## Imaging Findings

## Diagnosis
«D»
""",
}  # fmt: skip
