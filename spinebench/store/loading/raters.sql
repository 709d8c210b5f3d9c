DELETE FROM raters;
