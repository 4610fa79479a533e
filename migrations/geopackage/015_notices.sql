-- By which old notices are found, which are forgotten after a time.

CREATE INDEX gk_notice_by_time ON gk_notice (at);
