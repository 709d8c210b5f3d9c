SELECT run_id, journal_bytes, journal_lines, journal_tail, spec_sha256 FROM ingested;
