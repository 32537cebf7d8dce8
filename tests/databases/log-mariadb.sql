CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE DATABASE other;
USE shop;
CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), price DECIMAL(10,2), at TIMESTAMP(6) NULL, note TEXT) ENGINE=InnoDB;
CREATE TABLE fast (id INT PRIMARY KEY, v VARCHAR(50), d DOUBLE) ENGINE=MyISAM;
CREATE TABLE keyless (a INT, b VARCHAR(20)) ENGINE=Aria;
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
USE shop;
SET SESSION binlog_format = 'MIXED';
CREATE TABLE copied ENGINE=InnoDB AS SELECT id, name FROM item WHERE id < 10;
SET SESSION binlog_format = 'ROW';
CREATE TABLE copied_rows ENGINE=MyISAM AS SELECT id, name FROM item WHERE id < 10;
ALTER TABLE copied ADD COLUMN extra INT DEFAULT 7, ADD PRIMARY KEY (id);
RENAME TABLE copied TO kept;
TRUNCATE TABLE copied_rows;
CREATE VIEW cheap AS SELECT id, name FROM item WHERE price < 10;
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3;
SELECT NEXT VALUE FOR numbers;
SELECT SETVAL(numbers, 77);
CREATE SEQUENCE down START WITH -5 INCREMENT BY -2 MINVALUE -1000 MAXVALUE 0 CYCLE NOCACHE;
CREATE TABLE counted (id BIGINT PRIMARY KEY, v INT) ENGINE=InnoDB;
BEGIN;
INSERT INTO counted VALUES (NEXT VALUE FOR numbers, 1), (NEXT VALUE FOR down, 2);
INSERT INTO down VALUES (-999, -1000, 0, -5, -2, 0, 1, 3);
SELECT NEXT VALUE FOR down, NEXT VALUE FOR down;
COMMIT;
SET SESSION binlog_row_image = 'MINIMAL';
SELECT SETVAL(numbers, 50000);
SELECT NEXT VALUE FOR down;
ALTER SEQUENCE numbers RESTART 100000;
INSERT INTO counted VALUES (NEXT VALUE FOR numbers, 3);
-- next
USE shop;
SET SESSION binlog_format = 'ROW', binlog_row_image = 'MINIMAL';
UPDATE item SET price = price + 1 WHERE id BETWEEN 10 AND 20;
DELETE FROM item WHERE id = 21;
SET SESSION binlog_row_image = 'NOBLOB';
UPDATE item SET price = price + 1 WHERE id BETWEEN 22 AND 25;
SET SESSION binlog_row_image = 'FULL';
DELETE FROM keyless WHERE a = 1 LIMIT 1;
UPDATE keyless SET b = 'z' WHERE a = 2;
-- next
USE shop;
SET SESSION binlog_format = 'STATEMENT';
BEGIN;
INSERT INTO item (name) VALUES ('before the point');
SAVEPOINT `po``int`;
INSERT INTO item (name) VALUES ('gone');
ROLLBACK TO `po``int`;
INSERT INTO item (name) VALUES ('behind it');
COMMIT;
-- next
USE shop;
SET SESSION binlog_format = 'MIXED';
BEGIN;
INSERT INTO item (name) VALUES ('rolled back');
INSERT INTO fast VALUES (200, 'stays', 0);
ROLLBACK;
-- next
USE shop;
SET SESSION binlog_format = 'STATEMENT';
INSERT IGNORE INTO fast VALUES (201, 'in', 1);
INSERT INTO fast VALUES (202, 'in', 1), (1, 'twice', 1), (203, 'never', 1);
-- next
USE shop;
XA START 'first', 'branch', 7;
INSERT INTO item (name) VALUES ('by XA');
XA END 'first', 'branch', 7;
XA PREPARE 'first', 'branch', 7;
XA COMMIT 'first', 'branch', 7;
XA START 'second';
INSERT INTO item (name) VALUES ('not by XA');
XA END 'second';
XA PREPARE 'second';
XA ROLLBACK 'second';
XA START 'third';
INSERT INTO item (name) VALUES ('in one phase');
XA END 'third';
XA COMMIT 'third' ONE PHASE;
-- next
USE shop;
SET SESSION binlog_format = 'STATEMENT';
LOAD DATA INFILE '@FOLDER@/rows.txt' REPLACE INTO TABLE fast FIELDS TERMINATED BY ',' (id, v, @d) SET d = @d * 2;
LOAD DATA LOCAL INFILE '@FOLDER@/rows.txt' IGNORE INTO TABLE keyless FIELDS TERMINATED BY ',' (a, b, @nothing);
SET SESSION binlog_format = 'ROW';
LOAD DATA INFILE '@FOLDER@/rows.txt' REPLACE INTO TABLE fast FIELDS TERMINATED BY ',' (id, v, d);
-- next
USE shop;
CREATE DEFINER=nobody@elsewhere PROCEDURE of_nobody() SELECT 1;
CREATE DEFINER=`no body`@`%` TRIGGER fast_trail BEFORE INSERT ON fast FOR EACH ROW SET NEW.v = CONCAT('t', NEW.v);
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO fast VALUES (300, 'x', 1);
SET SESSION binlog_format = 'ROW';
INSERT INTO fast VALUES (301, 'x', 1);
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM trail;
-- next
CREATE USER somebody@localhost IDENTIFIED BY 'secret';
GRANT SELECT ON shop.* TO somebody@localhost;
SET PASSWORD FOR somebody@localhost = PASSWORD('other');
DROP USER somebody@localhost;
FLUSH PRIVILEGES;
-- next
USE other;
SET SESSION binlog_format = 'STATEMENT';
UPDATE shop.item SET price = price * 2 WHERE id = 30;
UPDATE t, shop.item SET t.v = shop.item.price, shop.item.note = 'joined' WHERE t.id = shop.item.id;
INSERT INTO t SELECT id + 100, price FROM shop.item WHERE id < 5 ORDER BY id;
-- next
USE shop;
SET SESSION binlog_format = 'ROW';
CREATE TABLE many (id INT PRIMARY KEY, v VARCHAR(255), w INT) ENGINE=InnoDB;
INSERT INTO many SELECT seq, REPEAT(CHAR(64 + seq MOD 60), 200), seq FROM seq_1_to_20000;
UPDATE many SET w = w + 1, v = CONCAT(v, 'y');
DELETE FROM many WHERE id > 15000;
-- next
CREATE DATABASE `odd ``name'. é`;
USE `odd ``name'. é`;
CREATE TABLE `t é` (`k``ey` INT PRIMARY KEY, `v é` VARCHAR(20));
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO `t é` VALUES (1, 'é😀');
SET SESSION binlog_format = 'ROW';
INSERT INTO `t é` VALUES (2, 'é😀');
-- next
CREATE DATABASE gone;
USE gone;
CREATE TABLE t (a INT);
INSERT INTO t VALUES (1);
DROP DATABASE gone;
-- next
USE shop;
SET SESSION check_constraint_checks = 0, binlog_format = 'STATEMENT';
CREATE TABLE checked (a INT CHECK (a > 5));
INSERT INTO checked VALUES (1);
-- next
USE shop;
SET SESSION binlog_format = 'STATEMENT';
SET SESSION unique_checks = 0, sql_auto_is_null = 1;
INSERT INTO keyless VALUES (7, 'unchecked');
CREATE TABLE versioned (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO versioned VALUES (1, 1);
UPDATE versioned SET v = 2;
SET SESSION binlog_format = 'ROW';
UPDATE versioned SET v = 3;
-- next
USE shop;
SET SESSION binlog_format = 'ROW';
SET GLOBAL log_bin_compress = ON, log_bin_compress_min_len = 10;
INSERT INTO item (name, note) SELECT CONCAT('packed ', seq), REPEAT('p', 500) FROM seq_1_to_50;
UPDATE item SET note = CONCAT(note, 'q') WHERE name LIKE 'packed%';
DELETE FROM item WHERE name LIKE 'packed 1%';
SET SESSION binlog_format = 'STATEMENT';
UPDATE item SET note = 'a statement that is long enough to be compressed, and then some more of it' WHERE name LIKE 'packed 2%';
SET GLOBAL log_bin_compress = OFF;
