SELECT audit_id, file, n_bytes, n_lines, tail FROM audits_ingested;
