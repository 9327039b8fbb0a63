-- What was put aside is kept for 90 days.
SELECT dormouse.keep_rows_for('dormouse.quarantine', '90 days', 'received_at');
