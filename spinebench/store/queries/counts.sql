SELECT
    (SELECT count(*) FROM runs) AS runs,
    (SELECT count(*) FROM items) AS items,
    (SELECT count(*) FROM answers) AS answers,
    (SELECT count(*) FROM extractions) AS extractions,
    (SELECT count(*) FROM grades) AS grades,
    (SELECT count(*) FROM usage) AS usage,
    (SELECT count(*) FROM failures) AS failures
