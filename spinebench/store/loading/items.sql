-- Items of a run from a numbered copy of its items.jsonl.
INSERT INTO items
SELECT
    $run_id, id, line, benchmark, task, question, coalesce(options, []), coalesce(gold, []), coalesce(images, '[]'),
    disease, coalesce(levels, []), modality, region, source, cluster, subspecialty, reference,
    coalesce(metadata, '{}'), nullif("case"::VARCHAR, 'null'), language
FROM read_json(
    $path,
    format = 'newline_delimited',
    maximum_object_size = $longest,
    columns = {
        line: 'BIGINT', id: 'VARCHAR', benchmark: 'VARCHAR', task: 'VARCHAR', question: 'VARCHAR',
        options: 'VARCHAR[]', gold: 'VARCHAR[]', images: 'JSON', disease: 'VARCHAR', levels: 'VARCHAR[]',
        modality: 'VARCHAR', region: 'VARCHAR', source: 'VARCHAR', cluster: 'VARCHAR', subspecialty: 'VARCHAR',
        reference: 'VARCHAR', metadata: 'JSON', "case": 'JSON', language: 'VARCHAR'
    }
);
