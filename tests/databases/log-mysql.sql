USE shop;
SET SESSION binlog_format = 'MIXED';
CREATE TABLE copied ENGINE=InnoDB AS SELECT id, name FROM item WHERE id < 10;
SET SESSION binlog_format = 'ROW';
CREATE TABLE copied_rows ENGINE=MyISAM AS SELECT id, name FROM item WHERE id < 10;
ALTER TABLE copied ADD COLUMN extra INT DEFAULT 7, ADD PRIMARY KEY (id);
RENAME TABLE copied TO kept;
TRUNCATE TABLE copied_rows;
CREATE VIEW cheap AS SELECT id, name FROM item WHERE price < 10;
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
SET PASSWORD FOR somebody@localhost = 'other';
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
SET SESSION binlog_format = 'STATEMENT', unique_checks = 0, sql_auto_is_null = 1;
CREATE TABLE checked (a INT CHECK (a > 5));
INSERT INTO checked VALUES (7);
SET SESSION default_collation_for_utf8mb4 = 'utf8mb4_general_ci';
CREATE TABLE general (v VARCHAR(10)) CHARACTER SET utf8mb4;
SET SESSION sql_generate_invisible_primary_key = 1;
CREATE TABLE hidden_key (v VARCHAR(10));
INSERT INTO hidden_key VALUES ('a'), ('b');
-- next
USE shop;
SET SESSION binlog_format = 'ROW', binlog_row_value_options = 'PARTIAL_JSON';
CREATE TABLE documents (id INT PRIMARY KEY, d JSON, v INT);
INSERT INTO documents VALUES (1, '{"a": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b": 1, "c": [1, 2, 3]}', 1), (2, '{"a": 1}', 2);
UPDATE documents SET d = JSON_SET(d, '$.b', 2), v = 5 WHERE id = 1;
UPDATE documents SET d = JSON_REMOVE(d, '$.c[1]') WHERE id = 1;
-- next
USE shop;
SET SESSION binlog_transaction_compression = ON, binlog_format = 'ROW';
BEGIN;
INSERT INTO item (name, note) SELECT CONCAT('packed ', seq), REPEAT('p', 500) FROM seq_1_to_50;
UPDATE item SET price = 3 WHERE name LIKE 'packed%';
DELETE FROM parent WHERE id = 11;
COMMIT;
-- next
USE shop;
CREATE TABLE grandchild (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES child (id) ON DELETE CASCADE);
SET SESSION foreign_key_checks = 1, binlog_format = 'ROW';
INSERT INTO parent VALUES (20); INSERT INTO child VALUES (20, 20); INSERT INTO grandchild VALUES (20, 20);
DELETE FROM parent WHERE id = 20;
-- next
USE shop;
SET SESSION binlog_format = 'ROW', gtid_next = 'AUTOMATIC:mine';
INSERT INTO parent VALUES (30);
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO parent VALUES (31);
SET SESSION gtid_next = 'AUTOMATIC';
