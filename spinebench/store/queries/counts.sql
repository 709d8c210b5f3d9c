SELECT
    (SELECT count(*) FROM runs) AS runs,
    (SELECT count(*) FROM items) AS items,
    (SELECT count(*) FROM answers) AS answers,
    (SELECT count(*) FROM extractions) AS extractions,
    (SELECT count(*) FROM grades) AS grades,
    (SELECT count(*) FROM usage) AS usage,
    (SELECT count(*) FROM failures) AS failures,
    (SELECT count(*) FROM audits) AS audits,
    (SELECT count(*) FROM audit_traces) AS audit_traces,
    (SELECT count(*) FROM judgements) AS judgements,
    (SELECT count(*) FROM ratings) AS ratings
