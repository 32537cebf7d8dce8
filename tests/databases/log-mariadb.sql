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
-- next
USE shop;
SET SESSION gtid_domain_id = 7, binlog_format = 'ROW';
INSERT INTO keyless VALUES (70, 'of a domain');
SET SESSION gtid_domain_id = 8, server_id = 99, binlog_format = 'STATEMENT';
BEGIN; INSERT INTO item (name) VALUES ('of another one'); UPDATE item SET price = 8 WHERE id = 9; COMMIT;
