CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE DATABASE other;
USE shop;
CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), price DECIMAL(10,2), at TIMESTAMP(6) NULL, note TEXT) ENGINE=InnoDB;
CREATE TABLE fast (id INT PRIMARY KEY, v VARCHAR(50), d DOUBLE) ENGINE=MyISAM;
CREATE TABLE keyless (a INT, b VARCHAR(20)) ENGINE=@ENGINE@;
CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB;
CREATE TABLE trail (n INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(100)) ENGINE=InnoDB;
CREATE TABLE latin (id INT PRIMARY KEY, v VARCHAR(50)) ENGINE=MyISAM CHARACTER SET latin1;
CREATE TABLE other.t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB;
-- next
USE shop;
INSERT INTO item (name, price, at, note) SELECT CONCAT('item ', seq), seq * 1.5, '2024-01-01' + INTERVAL seq MINUTE, REPEAT('x', seq) FROM seq_1_to_50;
INSERT INTO fast SELECT seq, CONCAT('v', seq), seq / 7 FROM seq_1_to_50;
INSERT INTO keyless VALUES (1, 'a'), (1, 'a'), (2, NULL);
INSERT INTO parent VALUES (1), (2), (3);
INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO other.t VALUES (1, 1), (2, 2);
-- next
USE shop;
SET @amount = 12.345, @word = _latin1 X'E4F6FC', @none = NULL, @big = 18446744073709551615, @less = -7, @real = 1.5e300;
SET SESSION binlog_format = 'STATEMENT';
UPDATE item SET price = @amount WHERE id = 3;
UPDATE item SET name = @word WHERE id = 4;
UPDATE item SET note = @none WHERE id = 5;
UPDATE item SET note = CONCAT(@big, ' ', @less, ' ', @real, ' ', @amount) WHERE id = 6;
INSERT INTO fast VALUES (100, 'rand', RAND()), (101, 'rand', RAND());
INSERT INTO item (name, price) VALUES ('after', LAST_INSERT_ID());
INSERT INTO item (name, price) VALUES ('again', LAST_INSERT_ID());
-- next
USE shop;
SET SESSION binlog_format = 'STATEMENT';
SET TIMESTAMP = 1234567890.123456;
INSERT INTO item (name, at) VALUES ('then', NOW(6));
SET TIMESTAMP = DEFAULT;
SET time_zone = '+05:30';
INSERT INTO item (name, at) VALUES ('there', NOW(6)), ('fixed', '2024-06-01 12:00:00');
SET lc_time_names = 'de_DE';
UPDATE item SET note = DATE_FORMAT('2024-03-01', '%M %W') WHERE id = 7;
SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT';
UPDATE "item" SET "note" = 'a\b' || 'c' WHERE id = 8;
SET sql_mode = '';
INSERT INTO fast VALUES (102, REPEAT('long', 30), 'no number');
SET auto_increment_increment = 10, auto_increment_offset = 3;
INSERT INTO item (name) VALUES ('tenth'), ('twentieth');
-- next
USE shop;
SET NAMES latin1;
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO latin VALUES (1, 'plain');
SET character_set_client = utf8mb4;
INSERT INTO latin VALUES (2, 'äöü€');
-- next
USE shop;
SET SESSION binlog_format = 'MIXED';
CREATE TRIGGER item_trail AFTER UPDATE ON item FOR EACH ROW INSERT INTO trail (what) VALUES (CONCAT(OLD.name, ' to ', NEW.name));
CREATE FUNCTION twice(a INT) RETURNS INT DETERMINISTIC RETURN a * 2;
CREATE TABLE calls (id INT AUTO_INCREMENT PRIMARY KEY, v INT);
DELIMITER //
CREATE PROCEDURE several(IN n INT)
BEGIN
  DECLARE i INT DEFAULT 0;
  WHILE i < n DO
    INSERT INTO calls (v) VALUES (twice(i) + @from);
    SET i = i + 1;
  END WHILE;
END //
DELIMITER ;
SET @from = 1000;
CALL several(4);
UPDATE item SET name = CONCAT(name, '!') WHERE id < 4;
SET SESSION binlog_format = 'ROW';
CALL several(2);
UPDATE item SET name = CONCAT(name, '?') WHERE id < 3;
-- next
USE shop;
SET SESSION binlog_format = 'MIXED';
UPDATE parent SET id = 10 WHERE id = 1;
DELETE FROM parent WHERE id = 2;
SET SESSION binlog_format = 'ROW';
UPDATE parent SET id = 11 WHERE id = 10;
SET foreign_key_checks = 0;
INSERT INTO child VALUES (50, 999);
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO child VALUES (51, 998);
-- next
USE shop;
SET SESSION binlog_format = 'STATEMENT';
CREATE TEMPORARY TABLE temp (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO temp VALUES (1, 'one'), (2, 'two');
INSERT INTO keyless SELECT id, v FROM temp ORDER BY id;
DROP TEMPORARY TABLE temp;
-- next
