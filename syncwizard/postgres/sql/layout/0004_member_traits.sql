-- What the captured relations were like. Null until a task that was captured before looks at them.
ALTER TABLE syncwizard.members ADD COLUMN traits text;
