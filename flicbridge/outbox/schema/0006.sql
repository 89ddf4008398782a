-- Version 6.
SELECT 1;
