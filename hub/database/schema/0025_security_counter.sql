-- The security counter of an image (docs/images.md); those that were there before have none.
ALTER TABLE dormouse.firmware ADD COLUMN counter bigint NOT NULL DEFAULT 0
    CHECK (counter BETWEEN 0 AND 4294967295);
