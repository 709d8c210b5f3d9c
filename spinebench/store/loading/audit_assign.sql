DELETE FROM assignments WHERE audit_id = $audit_id;
