-- A numbered part of a journal, parsed once. The id of a key is `AnswerKey.id()`: SHA-256 over a JSON list in
-- Python's spelling of it, which escapes control characters in lower-case hex.
CREATE OR REPLACE TEMP MACRO json_text(s) AS
    CASE
        WHEN NOT regexp_matches(s, '[[:cntrl:]"\\]') THEN '"' || s || '"'
        ELSE '"' || array_to_string(
            list_transform(
                range(1, length(s) + 1),
                lambda i: CASE
                    WHEN s[i] = '"' THEN '\"'
                    WHEN s[i] = '\' THEN '\\'
                    WHEN unicode(s[i]) = 8 THEN '\b'
                    WHEN unicode(s[i]) = 9 THEN '\t'
                    WHEN unicode(s[i]) = 10 THEN '\n'
                    WHEN unicode(s[i]) = 12 THEN '\f'
                    WHEN unicode(s[i]) = 13 THEN '\r'
                    WHEN unicode(s[i]) < 32 THEN '\u' || lpad(lower(to_hex(unicode(s[i]))), 4, '0')
                    ELSE s[i]
                END
            ),
            ''
        ) || '"'
    END;

CREATE OR REPLACE TEMP MACRO key_id(k) AS
    left(
        sha256(
            '[' || json_text(k.item_id) || ',' || json_text(k.model) || ',' || json_text(k.persona) || ','
            || json_text(k.image_condition) || ',' || json_text(k.option_order) || ',' || k.epoch::VARCHAR || ']'
        ),
        32
    );

CREATE OR REPLACE TEMP TABLE staged AS
SELECT
    line,
    answer,
    scored,
    CASE WHEN answer IS NOT NULL THEN key_id(answer.key) END AS answer_id,
    CASE WHEN scored IS NOT NULL THEN key_id(scored.key) END AS scored_id
FROM read_json(
    $path,
    format = 'newline_delimited',
    maximum_object_size = $longest,
    columns = {
        line: 'BIGINT',
        answer: 'STRUCT(
            key STRUCT(
                item_id VARCHAR, model VARCHAR, persona VARCHAR, image_condition VARCHAR, option_order VARCHAR,
                epoch BIGINT
            ),
            run_id VARCHAR, status VARCHAR, text VARCHAR, turns JSON, reasoning VARCHAR, finish_reason VARCHAR,
            option_permutation INTEGER[], images JSON, prompt_hash VARCHAR, request_hash VARCHAR,
            response_id VARCHAR, provider_model VARCHAR,
            usage STRUCT(
                input_tokens BIGINT, output_tokens BIGINT, reasoning_tokens BIGINT, cached_input_tokens BIGINT,
                cost_usd DOUBLE
            ),
            extractor_usage STRUCT(
                input_tokens BIGINT, output_tokens BIGINT, reasoning_tokens BIGINT, cached_input_tokens BIGINT,
                cost_usd DOUBLE
            ),
            latency_s DOUBLE, reused BOOLEAN,
            failures STRUCT(
                failure_class VARCHAR, message VARCHAR, attempt BIGINT, status_code BIGINT, retryable BOOLEAN,
                "at" VARCHAR
            )[],
            attempts BIGINT, "at" VARCHAR
        )',
        scored: 'STRUCT(
            key STRUCT(
                item_id VARCHAR, model VARCHAR, persona VARCHAR, image_condition VARCHAR, option_order VARCHAR,
                epoch BIGINT
            ),
            run_id VARCHAR,
            extraction STRUCT(
                letters VARCHAR[], status VARCHAR, "rule" VARCHAR, span BIGINT[], sections JSON, version VARCHAR
            ),
            grade STRUCT(
                correct BOOLEAN, chosen VARCHAR[], gold VARCHAR[], outcome VARCHAR, "precision" DOUBLE,
                recall DOUBLE, f1 DOUBLE, jaccard DOUBLE, confused_with VARCHAR, shift BIGINT, version VARCHAR
            ),
            "at" VARCHAR
        )'
    }
);
