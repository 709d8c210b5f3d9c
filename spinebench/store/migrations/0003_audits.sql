-- Every table below but raters is keyed by audit. Whatever a figure is read from says whether it is simulated or
-- comes from part of a benchmark, so that no query has to think of joining it.

CREATE TABLE audits_ingested (
    audit_id VARCHAR NOT NULL,          -- '' for the files of the workspace
    file VARCHAR NOT NULL,              -- inside the audit's folder
    n_bytes BIGINT NOT NULL,            -- the file's bytes up to here are in the tables
    n_lines BIGINT NOT NULL,
    tail VARCHAR NOT NULL               -- SHA-256 of the last bytes before that point: tells a replaced file
);

CREATE TABLE audits (
    audit_id VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,
    run_ids VARCHAR[] NOT NULL,
    judges VARCHAR[] NOT NULL,
    repeats BIGINT NOT NULL,
    rubrics JSON NOT NULL,
    rubric_hash VARCHAR NOT NULL,
    prompt_hash VARCHAR NOT NULL,
    shows_image BOOLEAN NOT NULL,       -- to judges and clinicians
    shows_gold BOOLEAN NOT NULL,
    mode VARCHAR NOT NULL,
    strata_by VARCHAR NOT NULL,
    per_cell BIGINT NOT NULL,
    tuning_share DOUBLE NOT NULL,
    sample_seed HUGEINT NOT NULL,
    n_frame BIGINT NOT NULL,
    frame_hash VARCHAR NOT NULL,
    random_share DOUBLE NOT NULL,
    seed HUGEINT NOT NULL,
    n_traces BIGINT NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL,
    digest VARCHAR NOT NULL,
    digest_parts JSON NOT NULL,
    plan JSON NOT NULL,
    versions JSON NOT NULL
);

CREATE TABLE audit_strata (
    audit_id VARCHAR NOT NULL,
    stratum VARCHAR NOT NULL,           -- task/model/correct or task/model/<outcome>
    model VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    n_frame BIGINT NOT NULL,
    n_drawn BIGINT NOT NULL
);

CREATE TABLE audit_traces (
    audit_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,          -- <run id>/<answer id>
    position BIGINT NOT NULL,           -- 1-based, in the audit's own order
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
    image VARCHAR NOT NULL,             -- what traces are common by
    cluster VARCHAR NOT NULL,
    correct BOOLEAN NOT NULL,
    outcome VARCHAR NOT NULL,
    stratum VARCHAR NOT NULL,
    u DOUBLE NOT NULL,                  -- permanent random number
    probability DOUBLE NOT NULL,        -- of being drawn
    drawn_by VARCHAR NOT NULL,
    split VARCHAR NOT NULL,             -- validation or tuning
    text_sha256 VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    options VARCHAR[] NOT NULL,         -- as presented to the model
    gold VARCHAR[] NOT NULL,
    chosen VARCHAR[] NOT NULL,
    text VARCHAR NOT NULL,
    reasoning VARCHAR,
    images JSON NOT NULL,               -- as sent
    item_images JSON NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

-- The latest judgement of each key; replaced ones stay in the journal, and in judge_usage and judge_failures.
CREATE TABLE judgements (
    audit_id VARCHAR NOT NULL,
    judgement_id VARCHAR NOT NULL,      -- unique within an audit
    line BIGINT NOT NULL,               -- of the journal, 1-based
    trace_id VARCHAR NOT NULL,
    judge VARCHAR NOT NULL,
    repeat BIGINT NOT NULL,
    status VARCHAR NOT NULL,            -- scored, unparsed, refused, error
    n_replies BIGINT NOT NULL,
    n_failures BIGINT NOT NULL,         -- attempts without a reply
    steering VARCHAR[] NOT NULL,        -- passages of the trace that address the judge
    prompt_hash VARCHAR NOT NULL,
    rubric_hash VARCHAR NOT NULL,
    shown_sha256 VARCHAR NOT NULL,
    judged_at TIMESTAMP NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE judge_scores (
    audit_id VARCHAR NOT NULL,
    judgement_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    judge VARCHAR NOT NULL,
    repeat BIGINT NOT NULL,
    dimension VARCHAR NOT NULL,
    score BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    quotes VARCHAR[] NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

-- Failure modes that were found; a mode that is not here was not found, if the judgement is `scored`.
CREATE TABLE judge_marks (
    audit_id VARCHAR NOT NULL,
    judgement_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    judge VARCHAR NOT NULL,
    repeat BIGINT NOT NULL,
    mode VARCHAR NOT NULL,
    quotes VARCHAR[] NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE judge_claims (
    audit_id VARCHAR NOT NULL,
    judgement_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    judge VARCHAR NOT NULL,
    repeat BIGINT NOT NULL,
    number BIGINT NOT NULL,             -- 1-based, in the judge's order
    quote VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,           -- supported, contradicted, not_verifiable
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE judge_replies (
    audit_id VARCHAR NOT NULL,
    judgement_id VARCHAR NOT NULL,
    number BIGINT NOT NULL,             -- 1-based; the accepted one is the last
    text VARCHAR NOT NULL,
    reasoning VARCHAR,
    problems VARCHAR[] NOT NULL,        -- what did not pass the checks
    request_hash VARCHAR NOT NULL,
    response_id VARCHAR,
    provider_model VARCHAR
);

-- Tokens and cost of every reply in the journal: apart from `usage`, which is the examinees'.
CREATE TABLE judge_usage (
    audit_id VARCHAR NOT NULL,
    judgement_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    number BIGINT NOT NULL,
    judge VARCHAR NOT NULL,
    input_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_tokens BIGINT,
    cached_input_tokens BIGINT,
    cost_usd DOUBLE,
    reused BOOLEAN NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE judge_failures (
    audit_id VARCHAR NOT NULL,
    judgement_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    trace_id VARCHAR NOT NULL,
    judge VARCHAR NOT NULL,
    attempt BIGINT NOT NULL,
    failure_class VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    status_code BIGINT,
    retryable BOOLEAN NOT NULL,
    failed_at TIMESTAMP NOT NULL
);

-- The latest review of each trace.
CREATE TABLE reviews (
    audit_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    n_unparsed BIGINT NOT NULL,
    refers_by VARCHAR[] NOT NULL,       -- why it goes to clinicians; empty: it does not
    rating_probability DOUBLE,          -- of being referred, once drawn
    reviewed_at TIMESTAMP NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE review_dimensions (
    audit_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    dimension VARCHAR NOT NULL,
    votes BIGINT[] NOT NULL,
    median DOUBLE,
    spread BIGINT,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE trace_checks (
    audit_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,           -- agrees, contradicts, not_stated
    detail VARCHAR NOT NULL,
    quote VARCHAR,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE raters (
    rater VARCHAR NOT NULL,             -- a pseudonym
    specialty VARCHAR,
    years BIGINT,
    training VARCHAR,
    simulated BOOLEAN NOT NULL
);

CREATE TABLE assignments (
    audit_id VARCHAR NOT NULL,
    rater VARCHAR NOT NULL,
    seed HUGEINT NOT NULL,
    assigned_at TIMESTAMP NOT NULL,
    packet_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    sitting BIGINT NOT NULL,
    duplicate BOOLEAN NOT NULL,
    anchor BOOLEAN NOT NULL
);

-- Every rating ever taken in; see the view current_ratings.
CREATE TABLE ratings (
    audit_id VARCHAR NOT NULL,
    rating_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,               -- of the rater's journal
    rater VARCHAR NOT NULL,
    packet_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    duplicate BOOLEAN NOT NULL,
    comment VARCHAR NOT NULL,
    safety BOOLEAN NOT NULL,
    opened_at TIMESTAMP,
    saved_at TIMESTAMP,
    active_s DOUBLE,
    rubric_hash VARCHAR NOT NULL,
    shown_sha256 VARCHAR,
    source VARCHAR NOT NULL,
    taken_in_at TIMESTAMP NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE rating_scores (
    audit_id VARCHAR NOT NULL,
    rating_id VARCHAR NOT NULL,
    rater VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    dimension VARCHAR NOT NULL,
    score BIGINT,                       -- NULL: cannot assess
    cannot_assess BOOLEAN NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE rating_marks (
    audit_id VARCHAR NOT NULL,
    rating_id VARCHAR NOT NULL,
    rater VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

CREATE TABLE rating_locks (
    audit_id VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    locked_at TIMESTAMP NOT NULL,
    n_ratings BIGINT NOT NULL,
    ratings_hash VARCHAR NOT NULL
);

-- The latest decision on each trace and dimension; the scores it decides on stay in rating_scores.
CREATE TABLE adjudications (
    audit_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    dimension VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    score BIGINT,
    decided_by VARCHAR NOT NULL,
    rater VARCHAR,
    note VARCHAR NOT NULL,
    decided_at TIMESTAMP NOT NULL,
    simulated BOOLEAN NOT NULL,
    partial BOOLEAN NOT NULL
);

-- The latest rating of each rater and packet.
CREATE VIEW current_ratings AS
FROM ratings
QUALIFY row_number() OVER (PARTITION BY audit_id, rater, packet_id ORDER BY line DESC) = 1;
