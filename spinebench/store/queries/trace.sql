-- One answer with all that belongs to it; answer_id may be shared by several runs.
SELECT
    a.*,
    i.task, i.question, i.options, i.gold AS item_gold, i.images AS item_images, i.disease, i.levels,
    i.modality, i.source, i.cluster, i.metadata, i.benchmark, i.subspecialty, i.reference, i.clinical_case, i.language,
    x.letters, x.status AS extraction_status, x.rule, x.span_start, x.span_end, x.sections, x.version AS extraction_version,
    g.correct, g.outcome, g.chosen, g.gold, g.precision, g.recall, g.f1, g.jaccard, g.confused_with, g.shift,
    g.version AS grading_version
FROM answers AS a
JOIN items AS i ON i.run_id = a.run_id AND i.item_id = a.item_id
LEFT JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
LEFT JOIN grades AS g ON g.run_id = a.run_id AND g.answer_id = a.answer_id
WHERE a.run_id = $run_id AND a.answer_id = $answer_id
