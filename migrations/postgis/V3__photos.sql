CREATE TABLE gk_photo (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL,
  at timestamptz NOT NULL,
  author text NOT NULL,
  role text COLLATE "C" NOT NULL,
  media_type text COLLATE "C" NOT NULL,
  width integer NOT NULL,
  height integer NOT NULL,
  sha256 bytea NOT NULL,
  erased_at timestamptz,
  bytes bytea
);
CREATE INDEX gk_photo_by_case ON gk_photo (case_id);
-- Pictures are packed already.
ALTER TABLE gk_photo ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE gk_photo IS 'Photos of cases; a row stays when its bytes are erased, and goes with the month of its case';
COMMENT ON COLUMN gk_photo.id IS 'The photo';
COMMENT ON COLUMN gk_photo.case_id IS 'The case';
COMMENT ON COLUMN gk_photo.at IS 'When it was added';
COMMENT ON COLUMN gk_photo.author IS 'Who added it; nothing personal';
COMMENT ON COLUMN gk_photo.role IS 'As what';
COMMENT ON COLUMN gk_photo.media_type IS 'image/jpeg, image/png or image/webp, by its bytes';
COMMENT ON COLUMN gk_photo.width IS 'As it is shown, pixels';
COMMENT ON COLUMN gk_photo.height IS 'As it is shown, pixels';
COMMENT ON COLUMN gk_photo.sha256 IS 'Of the bytes as they are kept';
COMMENT ON COLUMN gk_photo.erased_at IS 'When the bytes were erased';
COMMENT ON COLUMN gk_photo.bytes IS 'Personal: the picture, without what a camera notes beside it; null where it was erased';
