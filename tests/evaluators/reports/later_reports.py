"""Templates written when the rules for headings passed all others: what a fresh hand might meet."""

from __future__ import annotations

LATER: dict[str, str] = {
"colon in heading and steps": """## Step 1: Structured Imaging Findings
«F»
## Step 2: AI-Assisted Diagnosis
«D»
## Step 3: Treatment Recommendations
- **Patient-facing explanation:** «P»
- **Physician-facing plan:** «S»
## Step 4: Risk Assessment and Prognosis
«R»
## Step 5: Post-Operative Management and Follow-Up
«O»
## Step 6: Clinical Reasoning & Disclaimer
«X»
""",
"abbreviations in parentheses": """**1. Structured Imaging Report (SIP)**
«F»
**2. AI-Assisted Diagnosis (AAD)**
«D»
**3. Treatment Recommendations (TR)**
«T»
**4. Risk & Prognosis Management (RPM)**
«R»
**6. Reasoning and Disclaimer (RD)**
«X»
""",
"soap": """S: «I»
O - Imaging: none
Findings:
«F»
Assessment:
«D»
Plan:
«T»
Prognosis:
«R»
""",
"sub-headings of every kind": """# Spine Case Report
## Clinical History
«I»
## Imaging Findings
### MRI
«F»
### CT
«F2»
## Diagnosis
### Primary Diagnosis
«D»
### Differential Diagnosis
«D2»
## Treatment Recommendations
### Conservative Treatment
«T»
### Surgical Treatment
«T2»
### Risks of Surgery
«T3»
## Risk and Prognosis
### Short-term
«R»
## Postoperative Management
### Rehabilitation
«O»
### Follow-up
«O2»
## Rationale
«X»
## Disclaimer
«X2»
""",
"chinese with colon and subtitles": """#### 一、结构化影像报告:
«f»
#### 二、AI辅助诊断:
1. 主要诊断:«d»
2. 鉴别诊断:«d2»
#### 三、治疗建议:
(一)患者指导:«p»
(二)医生方案:«s»
#### 四、风险与预后管理:
«r»
#### 五、术后管理:
«o»
#### 六、推理与免责声明:
«x»
""",
"chinese patient-facing headings of their own": """## 影像所见
«f»
## 诊断
«d»
## 面向患者的治疗建议
«p»
## 面向医生的治疗建议
«s»
## 预后
«r»
""",
"words for the patient": """## Imaging findings
«F»
## Diagnosis
«D»
## For the Patient
«P»
## For the Surgeon
«S»
## Prognosis
«R»
""",
"markdown fence": """```markdown
## Imaging Findings
«F»
## Diagnosis
«D»
```
""",
"definition list": """Imaging Findings
: «F»

Diagnosis
: «D»

Treatment Plan
: «T»
""",
"bold bullets in findings": """## Findings
- **Impression on the thecal sac:** «F»
- **Risk:** «F2»
## Impression
«D»
## Plan
«T»
## Risk
«R»
""",
"json list of sections": """[{"section": "Imaging Findings", "text": "«F»"},
 {"section": "Diagnosis", "text": "«D»"}]""",
"yaml": """imaging_findings: |
  «F»
diagnosis: |
  «D»
treatment_recommendations:
  patient_facing: |
    «P»
  physician_facing: |
    «S»
""",
"upper case with colons inline": """IMAGING FINDINGS: «F»
DIAGNOSIS: «D»
TREATMENT RECOMMENDATIONS: «T»
RISK AND PROGNOSIS: «R»
POSTOPERATIVE MANAGEMENT: «O»
RATIONALE AND DISCLAIMER: «X»
""",
"html bold inline": """<b>Imaging findings:</b> «F»<br>
<b>Diagnosis:</b> «D»<br>
<b>Treatment:</b> «T»<br>
""",
}  # fmt: skip
