-- Work that was done again on each day (UTC), by track: slices that needed another try, requests that were sent again.
SELECT s.day, s.track, s.slices, s.slice_retries, COALESCE(c.resent, 0) AS resent_requests
FROM (
  SELECT DATE(happened_at) AS day, track, COUNT(*) AS slices, SUM(retries) AS slice_retries
  FROM `{dataset}.slices_once`
  GROUP BY day, track
) AS s
LEFT JOIN (
  SELECT DATE(happened_at) AS day, track, COUNTIF(send > 1) AS resent
  FROM `{dataset}.model_calls_once`
  GROUP BY day, track
) AS c ON c.day = s.day AND c.track = s.track
ORDER BY s.day, s.track
