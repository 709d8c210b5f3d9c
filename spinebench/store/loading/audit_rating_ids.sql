SELECT rating_id FROM ratings WHERE audit_id = $audit_id AND rater = $rater
