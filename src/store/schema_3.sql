-- The journal and the hunts have moved to a file of their own; they were copied there before this.
DROP TABLE journal;
DROP TABLE journal_step;
DROP TABLE hunt;
