-- Every table but benchmarks is keyed by run: a run's rows can be dropped and read again from its journal
-- without touching those of another. No foreign keys, indexes or ENUM types: each blocks a later ALTER or update.

CREATE TABLE ingested (
    run_id VARCHAR NOT NULL,
    journal_bytes BIGINT NOT NULL,      -- the journal's bytes up to here are in the tables
    journal_lines BIGINT NOT NULL,
    journal_tail VARCHAR NOT NULL,      -- SHA-256 of the last bytes before that point: tells a replaced journal
    spec_sha256 VARCHAR NOT NULL        -- of run.json
);

CREATE TABLE benchmarks (
    benchmark_id VARCHAR NOT NULL,      -- digest of the other columns
    name VARCHAR NOT NULL,
    format VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    n_items BIGINT NOT NULL,
    n_by_task JSON NOT NULL,
    n_clusters BIGINT NOT NULL,
    items_hash VARCHAR NOT NULL,
    simulated BOOLEAN NOT NULL
);

CREATE TABLE runs (
    run_id VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,      -- all timestamps: UTC
    benchmark_id VARCHAR NOT NULL,
    models VARCHAR[] NOT NULL,
    personas VARCHAR[] NOT NULL,
    image_conditions VARCHAR[] NOT NULL,
    option_orders VARCHAR[] NOT NULL,
    epochs BIGINT NOT NULL,
    n_items BIGINT NOT NULL,
    n_planned BIGINT NOT NULL,
    partial BOOLEAN NOT NULL,
    simulated BOOLEAN NOT NULL,
    seed HUGEINT NOT NULL,              -- seeds of 64 unsigned bits occur
    digest VARCHAR NOT NULL,
    digest_parts JSON NOT NULL,
    plan JSON NOT NULL,
    versions JSON NOT NULL
);

CREATE TABLE items (
    run_id VARCHAR NOT NULL,
    item_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,           -- 1-based, in the run's own order
    benchmark VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    options VARCHAR[] NOT NULL,
    gold VARCHAR[] NOT NULL,
    images JSON NOT NULL,
    disease VARCHAR,
    levels VARCHAR[] NOT NULL,
    modality VARCHAR,
    region VARCHAR,
    source VARCHAR,
    cluster VARCHAR NOT NULL,
    subspecialty VARCHAR,
    reference VARCHAR,
    metadata JSON NOT NULL
);

-- The latest answer of each key. An answer that was asked again (an error, on resume) stays in the journal.
CREATE TABLE answers (
    run_id VARCHAR NOT NULL,
    answer_id VARCHAR NOT NULL,         -- unique within a run, not across runs
    line BIGINT NOT NULL,               -- of the journal, 1-based
    item_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    persona VARCHAR NOT NULL,
    image_condition VARCHAR NOT NULL,
    option_order VARCHAR NOT NULL,
    epoch BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    reasoning VARCHAR,
    finish_reason VARCHAR,
    option_permutation INTEGER[] NOT NULL,
    images JSON NOT NULL,
    prompt_hash VARCHAR NOT NULL,
    request_hash VARCHAR,
    response_id VARCHAR,
    provider_model VARCHAR,
    latency_s DOUBLE,
    reused BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    finished_at TIMESTAMP NOT NULL
);

-- Extraction and grade of each answer in `answers`: the latest made of that very answer.
CREATE TABLE extractions (
    run_id VARCHAR NOT NULL,
    answer_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    letters VARCHAR[] NOT NULL,
    status VARCHAR NOT NULL,
    rule VARCHAR,
    span_start BIGINT,
    span_end BIGINT,
    version VARCHAR NOT NULL,
    scored_at TIMESTAMP NOT NULL
);

CREATE TABLE grades (
    run_id VARCHAR NOT NULL,
    answer_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    correct BOOLEAN NOT NULL,
    chosen VARCHAR[] NOT NULL,
    gold VARCHAR[] NOT NULL,
    outcome VARCHAR NOT NULL,
    precision DOUBLE,
    recall DOUBLE,
    f1 DOUBLE,
    jaccard DOUBLE,
    confused_with VARCHAR,
    shift BIGINT,
    version VARCHAR NOT NULL
);

-- Tokens and cost of every answer in the journal, those asked again included: all of it was paid for.
CREATE TABLE usage (
    run_id VARCHAR NOT NULL,
    answer_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    model VARCHAR NOT NULL,             -- the examinee, for either role
    role VARCHAR NOT NULL,              -- examinee or extractor
    input_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_tokens BIGINT,
    cached_input_tokens BIGINT,
    cost_usd DOUBLE,
    reused BOOLEAN NOT NULL             -- from the cache: reported by the provider once, not paid again
);

-- Every failed attempt of every answer in the journal.
CREATE TABLE failures (
    run_id VARCHAR NOT NULL,
    answer_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    item_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    attempt BIGINT NOT NULL,
    failure_class VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    status_code BIGINT,
    retryable BOOLEAN NOT NULL,
    failed_at TIMESTAMP NOT NULL
);

-- One row per answer that counts: scored, or without anything to score. Unanswered is wrong, with its status
-- beside it. A text that still waits for its score is in `unscored`, not here: it is neither right nor wrong.
-- Derived from the tables above whenever answers or scores are loaded, so that the views below need no join:
-- joining by text keys took 0.85 s of CPU for 288,000 answers, a scan of this 0.14 s.
CREATE TABLE graded_rows (
    run_id VARCHAR NOT NULL,
    answer_id VARCHAR NOT NULL,
    item_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    persona VARCHAR NOT NULL,
    image_condition VARCHAR NOT NULL,
    option_order VARCHAR NOT NULL,
    epoch BIGINT NOT NULL,
    benchmark VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    disease VARCHAR,
    modality VARCHAR,
    source VARCHAR,
    cluster VARCHAR NOT NULL,
    status VARCHAR NOT NULL,            -- the extraction's, or the answer's where there was nothing to extract from
    outcome VARCHAR NOT NULL,
    correct BOOLEAN NOT NULL,
    precision DOUBLE,                   -- NULL for tasks with one right option
    recall DOUBLE,
    f1 DOUBLE,
    jaccard DOUBLE,
    chosen VARCHAR[] NOT NULL,
    gold VARCHAR[] NOT NULL,
    n_options BIGINT NOT NULL,
    options VARCHAR[] NOT NULL,         -- in the item's own order
    confused_with VARCHAR,
    shift BIGINT,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);
