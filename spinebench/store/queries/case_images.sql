-- What images one answer's model was sent, and the references of its item.
SELECT a.images, i.images AS item_images
FROM answers AS a
JOIN items AS i ON i.run_id = a.run_id AND i.item_id = a.item_id
WHERE a.run_id = $run_id AND a.answer_id = $answer_id
