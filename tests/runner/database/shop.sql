SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';
SET SESSION character_set_client=utf8mb4, collation_connection=utf8mb4_unicode_ci;
CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
USE shop;
SET collation_connection=utf8mb4_unicode_ci;
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3;
SELECT NEXTVAL(numbers);
CREATE TABLE item (
  id BIGINT NOT NULL AUTO_INCREMENT, name VARCHAR(50) NOT NULL, note TEXT, price DECIMAL(10,3) NOT NULL DEFAULT 0,
  upper_name VARCHAR(60) AS (CONCAT('(', name, ')')) VIRTUAL,
  PRIMARY KEY (id), KEY name_key (name(10)) COMMENT 'a, ''b'' (', KEY both_keys (price, name), FULLTEXT KEY words (note),
  CONSTRAINT positive CHECK (price >= 0)
) ENGINE=InnoDB COMMENT='items, (all) `of` them';
INSERT INTO item (id, name, note, price) SELECT seq, CONCAT('item ', seq), REPEAT(CONCAT('wörd', seq, ' '), 40), seq / 7 FROM seq_1_to_2999;
INSERT INTO item (id, name) VALUES (0, 'zero');
CREATE TABLE line (
  item BIGINT NOT NULL, number INT NOT NULL, code CHAR(3) CHARACTER SET latin1 COLLATE latin1_bin, parent INT,
  PRIMARY KEY (item, number), UNIQUE KEY code_key (code, number),
  CONSTRAINT line_item FOREIGN KEY (item) REFERENCES item (id) ON DELETE CASCADE
) ENGINE=InnoDB;
INSERT INTO line SELECT seq MOD 100, seq, CHAR(65 + seq MOD 26, 0xe4 USING latin1), NULL FROM seq_1_to_500;
CREATE TABLE old (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT, word VARCHAR(20), at_time DATETIME(3), KEY w (word), UNIQUE KEY i (id), KEY t (at_time, word)
) ENGINE=MyISAM AUTO_INCREMENT=4711;
INSERT INTO old (id, word, at_time) SELECT seq * 3, IF(seq MOD 3, CONCAT('w', seq), NULL), '2026-11-24 01:02:03.045' + INTERVAL seq SECOND FROM seq_1_to_800;
CREATE TABLE keyless (a VARCHAR(10), b DOUBLE, c FLOAT) ENGINE=Aria;
INSERT INTO keyless VALUES ('x', 0.1, 0.1), ('x', 0.1, 0.1), (NULL, 5e-324, 3.4e38), ('\\N', -0.0, 16777216), ('tab\there\nand', 1e308, 1.17549e-38);
CREATE TABLE values_of_all_types (
  id INT NOT NULL AUTO_INCREMENT, e ENUM('2', '1', '') CHARACTER SET latin1, s SET('a', 'b', 'c'), b BIT(12), j JSON, u UUID, i6 INET6, i4 INET4,
  y YEAR, d DATE, t VARCHAR(20) CHARACTER SET sjis, w VARCHAR(20) CHARACTER SET utf16, bin VARBINARY(300), fixed BINARY(4), ti TIME(6), ts TIMESTAMP(6) NULL,
  g GEOMETRY, hidden INT INVISIBLE DEFAULT 7, big BIGINT UNSIGNED, dc DECIMAL(30, 10), ch CHAR(5), PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
SET SESSION time_zone='+00:00';
INSERT INTO values_of_all_types (id, e, s, b, j, u, i6, i4, y, d, t, w, bin, fixed, ti, ts, g, hidden, big, dc, ch) VALUES
  (0, 0, 0, b'0', '{"a": [1, "ö"]}', '123e4567-e89b-12d3-a456-426655440000', '2001:db8::5c09', '10.9.92.0', 0, '2021-02-31', CONVERT(_utf8mb4'表ソ' USING sjis), _utf8mb4'😀', X'00090A0D5C1A27', X'5C', '-838:59:59.000001', '2026-10-25 01:30:00.5', ST_GeomFromText('POINT(1 2)', 4326), 1, 18446744073709551615, -12345678901234567890.0123456789, 'a'),
  (1, '2', 'a,c', b'111111111111', NULL, NULL, NULL, NULL, 2155, '0000-00-00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (-5, '1', '', b'1', '[]', '00000000-0000-0000-0000-000000000000', '::', '0.0.0.0', 1901, '0000-12-00', '', '', '', '', '00:00:00', '1970-01-01 00:00:01', ST_GeomFromText('LINESTRING(0 0,1 1)'), 0, 0, 0, '');
CREATE TABLE ticket (id BIGINT NOT NULL DEFAULT NEXTVAL(shop.numbers), what VARCHAR(9), PRIMARY KEY (id)) ENGINE=InnoDB;
INSERT INTO ticket (what) VALUES ('a'), ('b');
CREATE TABLE history (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO history VALUES (1, 1), (2, 2);
UPDATE history SET v = 3 WHERE id = 1;
DELETE FROM history WHERE id = 2;
CREATE TABLE parts (id INT NOT NULL, y INT NOT NULL, v INT, PRIMARY KEY (id, y), KEY v (v)) ENGINE=InnoDB
  PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts SELECT seq, 1900 + seq, seq FROM seq_1_to_200;
CREATE TABLE `odd ``name, (x)` (`KEY ``a```  INT DEFAULT 5 COMMENT 'KEY `x` (`y`),\nit''s', `b,` VARCHAR(20) DEFAULT 'a''(,', KEY `k,(` (`b,`)) ENGINE=InnoDB;
INSERT INTO `odd ``name, (x)` VALUES (1, 'one'), (NULL, NULL);
CREATE TABLE log (id INT NOT NULL AUTO_INCREMENT, what VARCHAR(40), PRIMARY KEY (id));
INSERT INTO log (what) VALUES ('one'), ('two');
CREATE FUNCTION total(which BIGINT) RETURNS DECIMAL(20,3) READS SQL DATA COMMENT 'it''s a "total"' RETURN (SELECT SUM(price) FROM item WHERE id <= which);
CREATE VIEW z_view AS SELECT id, name FROM item WHERE name LIKE 'i%ä';
CREATE VIEW a_view AS SELECT z.id, total(z.id) AS t FROM z_view z;
CREATE FUNCTION qualified() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM shop.item);
DELIMITER //
CREATE PROCEDURE work(IN n INT) BEGIN DECLARE s VARCHAR(9) DEFAULT 'ö;'; -- a comment with 'quote
  INSERT INTO log (what) VALUES (s); END//
CREATE TRIGGER item_bi BEFORE INSERT ON item FOR EACH ROW SET NEW.name = CONCAT(NEW.name, '!')//
CREATE TRIGGER item_ai AFTER INSERT ON item FOR EACH ROW BEGIN INSERT INTO log (what) VALUES (NEW.name); END//
DELIMITER ;
SET sql_mode='ANSI_QUOTES';
CREATE DEFINER='nobody'@'nowhere' PROCEDURE "quoted"() SELECT "id" FROM "item";
SET sql_mode='';
SET time_zone='+02:00';
CREATE EVENT sometimes ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE COMMENT 'DO not DISABLE' DO INSERT INTO log (what) VALUES ('event');
