-- Reports and consultations: free text that is neither right nor wrong, about a case, in sections or turns.
DROP VIEW graded;
DROP VIEW unscored;
DROP VIEW results;
DROP VIEW confusion;
DROP VIEW outcomes;

ALTER TABLE items ADD COLUMN clinical_case JSON;        -- history, examination, key facts, the patient's turns
ALTER TABLE items ADD COLUMN language VARCHAR;
ALTER TABLE answers ADD COLUMN turns JSON;              -- of a consultation: what was said and replied
ALTER TABLE extractions ADD COLUMN sections JSON;       -- of a report: [{section, span}], those that were found
ALTER TABLE grades ALTER correct DROP NOT NULL;         -- NULL: the task has no right answer; so too below
ALTER TABLE graded_rows ALTER correct DROP NOT NULL;
ALTER TABLE graded_rows ADD COLUMN subspecialty VARCHAR;
ALTER TABLE graded_rows ADD COLUMN language VARCHAR;
ALTER TABLE graded_rows ADD COLUMN n_images BIGINT;     -- of the question: tells text from image questions
ALTER TABLE audit_traces ALTER correct DROP NOT NULL;
ALTER TABLE audit_traces ADD COLUMN subspecialty VARCHAR;
ALTER TABLE audit_traces ADD COLUMN language VARCHAR;

CREATE VIEW graded AS FROM graded_rows;

CREATE VIEW unscored AS
SELECT a.run_id, a.answer_id, a.item_id, a.model
FROM answers AS a
ANTI JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
WHERE a.status = 'answered';

-- One row per run, model, persona, image condition and family of option order (`shuffled`, of any seed).
-- Rates are over all asked items of the task; precision and recall are means over asked localization items.
-- Overall is the unweighted mean of the accuracies in diagnosis and localization, NULL where one was not asked.
CREATE VIEW results AS
SELECT
    run_id,
    model,
    persona,
    image_condition,
    split_part(option_order, ':', 1) AS option_order,
    any_value(benchmark) AS benchmark,
    count(*) AS n_asked,
    count(*) FILTER (status = 'answered') AS n_answered,
    count(*) FILTER (status = 'no_answer') AS n_no_answer,
    count(*) FILTER (status = 'unparsed') AS n_unparsed,
    count(*) FILTER (status = 'refused') AS n_refused,
    count(*) FILTER (status = 'truncated') AS n_truncated,
    count(*) FILTER (status = 'filtered') AS n_filtered,
    count(*) FILTER (status = 'error') AS n_errored,
    count(*) FILTER (task = 'diagnosis') AS n_diagnosis,
    avg(correct::INTEGER) FILTER (task = 'diagnosis') AS diagnosis_accuracy,
    count(*) FILTER (task = 'localization') AS n_localization,
    avg(correct::INTEGER) FILTER (task = 'localization') AS localization_accuracy,
    avg(precision) FILTER (task = 'localization') AS localization_precision,
    avg(recall) FILTER (task = 'localization') AS localization_recall,
    (diagnosis_accuracy + localization_accuracy) / 2 AS overall,
    count(*) FILTER (task = 'knowledge') AS n_knowledge,
    avg(correct::INTEGER) FILTER (task = 'knowledge') AS knowledge_accuracy,
    count(*) FILTER (task IN ('report', 'consultation')) AS n_written,
    count(*) FILTER (task IN ('report', 'consultation') AND outcome = 'complete') AS n_complete,
    bool_or(simulated) AS simulated,
    bool_or(partial) AS partial
FROM graded
GROUP BY ALL;

-- Diagnosis: how often each gold disease was answered as which.
CREATE VIEW confusion AS
SELECT
    run_id,
    model,
    persona,
    image_condition,
    split_part(option_order, ':', 1) AS option_order,
    coalesce(disease, gold[1]) AS disease,
    CASE
        WHEN correct THEN coalesce(disease, gold[1])
        WHEN len(chosen) = 0 THEN '(not answered)'
        ELSE coalesce(confused_with, chosen[1])
    END AS answered,
    count(*) AS n
FROM graded
WHERE task = 'diagnosis'
GROUP BY ALL;

-- The outcome taxonomy as counts and as shares of the asked items of that task.
CREATE VIEW outcomes AS
WITH counted AS (
    SELECT
        run_id,
        model,
        persona,
        image_condition,
        split_part(option_order, ':', 1) AS option_order,
        task,
        outcome,
        count(*) AS n
    FROM graded
    GROUP BY ALL
)
SELECT
    *,
    sum(n) OVER (PARTITION BY run_id, model, persona, image_condition, option_order, task)::BIGINT AS n_asked,
    n / n_asked AS rate
FROM counted;

-- What is in the new columns stands in the journals: the next load reads them anew.
DELETE FROM ingested;
DELETE FROM audits_ingested;
