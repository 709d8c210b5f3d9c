DELETE FROM ingested WHERE run_id = $run_id;
INSERT INTO ingested VALUES ($run_id, $journal_bytes, $journal_lines, $journal_tail, $spec_sha256);
