-- Everything that a table of MySQL 9 can hold and that is awkward about it, above all what MariaDB does not have.
-- For the `mysql` client, with --default-character-set=utf8mb4, on an empty server.

SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION';
SET timestamp = 1700000000.123456;
CREATE DATABASE torture DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci;
USE torture;

-- Numbers ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE integers (
  id INT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED, m MEDIUMINT, mu MEDIUMINT UNSIGNED,
  i INT, iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED, z INT(8) ZEROFILL, bo BOOLEAN
) ENGINE=InnoDB;
INSERT INTO integers VALUES
  (-2147483648, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, 0),
  (2147483647, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 4294967295, 1),
  (0, -1, 1, -1, 1, -1, 1, -1, 1, -1, 9223372036854775808, 42, 127),
  (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE floats (id INT PRIMARY KEY, f FLOAT, d DOUBLE, f73 FLOAT(7,3), d102 DOUBLE(10,2), fu FLOAT UNSIGNED) ENGINE=InnoDB;
INSERT INTO floats VALUES
  (1, 3.4028234663852886e38, 1.7976931348623157e308, 9999.999, 99999999.99, 3.4028234663852886e38),
  (2, -3.4028234663852886e38, -1.7976931348623157e308, -9999.999, -99999999.99, 0),
  (3, 1.1754943508222875e-38, 2.2250738585072014e-308, 0.001, 0.01, 1.1754943508222875e-38),
  (4, 1.401298464324817e-45, 5e-324, 0.0005, 0.005, 1.401298464324817e-45),
  (5, 0.1, 0.1, 0.1, 0.1, 0.1), (6, '-0', '-0', '-0', '-0', 0), (7, 16777217, 9007199254740993, 1234.5678, 1234.5678, 123456789),
  (8, 0.30000001192092896, 0.30000000000000004, 1.0005, 1.005, 1e-10), (9, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE decimals (id INT PRIMARY KEY, d65 DECIMAL(65,30), d10 DECIMAL(10,10), du DECIMAL(20,5) UNSIGNED, dz DECIMAL(9,3) ZEROFILL) ENGINE=InnoDB;
INSERT INTO decimals VALUES
  (1, 99999999999999999999999999999999999.999999999999999999999999999999, 0.9999999999, 999999999999999.99999, 999999.999),
  (2, -0.000000000000000000000000000001, -0.0000000001, 0, 0), (3, NULL, NULL, NULL, NULL);

CREATE TABLE bits (id INT PRIMARY KEY, b1 BIT(1), b9 BIT(9), b64 BIT(64)) ENGINE=InnoDB;
INSERT INTO bits VALUES (1, b'1', 511, 18446744073709551615), (2, 0, 0, 0), (3, 1, 92, 9223372036854775808), (4, NULL, NULL, NULL);

-- Times -----------------------------------------------------------------------------------------------------------------------

CREATE TABLE dates (id INT PRIMARY KEY, d DATE, dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6), y YEAR, t TIME, t6 TIME(6)) ENGINE=InnoDB;
INSERT INTO dates VALUES
  (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00', '0000-00-00', 0, '00:00:00', 0),
  (2, '2021-02-31', '2021-02-31 23:59:59', '2023-02-29 00:00:00.001', '2021-04-31 00:00:00.000001', 1901, '-838:59:59', '-838:59:58.999999'),
  (3, '2021-00-00', '2021-05-00 01:02:03', '2021-00-10 10:10:10.123', '0000-00-01 00:00:00.999999', 2155, '838:59:59', '838:59:58.999999'),
  (4, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999', '9999-12-31 23:59:59.999999', 1970, '25:00:00', '-00:00:00.000001'),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE timestamps (
  id INT PRIMARY KEY, t0 TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, t3 TIMESTAMP(3) NULL,
  t6 TIMESTAMP(6) NOT NULL DEFAULT '0000-00-00 00:00:00'
) ENGINE=InnoDB;
INSERT INTO timestamps VALUES
  (1, '1970-01-01 00:00:01', '1970-01-01 00:00:01.123', '1970-01-01 00:00:01.123456'),
  (2, '2038-01-19 03:14:07', '2038-01-19 03:14:07.999', '2038-01-19 03:14:07.499999'), (3, 0, 0, 0),
  (4, '2023-10-29 00:30:00', '2023-10-29 01:30:00', '2023-03-26 01:30:00'), (5, NULL, NULL, '2000-02-29 12:00:00.000001');

-- Texts, bytes and labels -----------------------------------------------------------------------------------------------------

CREATE TABLE labels (
  id INT PRIMARY KEY, e ENUM('1','2','','a,b','it''s','q"q','ä','\\') DEFAULT '2', s SET('1','2','4','ä','it''s','x y'),
  g ENUM('é','œ','€') CHARACTER SET latin1, u SET('😀','b') CHARACTER SET utf8mb4
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO labels VALUES
  (1, '1', '1', 'é', '😀'), (2, 2, 2, '€', '😀,b'), (3, '', '', 'œ', ''), (4, 'none of these', 0, 0, 0), (5, 'a,b', '1,2,4', 1, 1),
  (6, '\\', 63, 2, 3), (7, NULL, NULL, NULL, NULL), (8, 'ä', 'ä', 3, 2);

CREATE TABLE texts (
  id INT PRIMARY KEY AUTO_INCREMENT, l VARCHAR(200) CHARACTER SET latin1, u3 VARCHAR(100) CHARACTER SET utf8mb3,
  u4 VARCHAR(100) CHARACTER SET utf8mb4, sj VARCHAR(100) CHARACTER SET sjis, gb VARCHAR(100) CHARACTER SET gb18030,
  u16 VARCHAR(100) CHARACTER SET utf16, u32 VARCHAR(100) CHARACTER SET utf32, u2 VARCHAR(100) CHARACTER SET ucs2, by_rows VARCHAR(40) CHARACTER SET binary
) ENGINE=InnoDB;
INSERT INTO texts VALUES
  (1, X'808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9F', 'äß€', '😀👩‍👩‍👧‍👦', _sjis X'835C955C5C', _gb18030 X'815C8E5C', '😀ä', '😀ä', 'ä€', X'00FF'),
  (2, '', '', '', '', '', '', '', '', ''), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, '\0\t\n\r\Z\\''"`%_', '\0\t\n\r\Z\\''"`', '\0\t\n\r\Z\\''"`', '\t\n\\''"', '\t\n\\''"', '\0\t\n\r\\''"', '\0\t\n\\''"', '\0\t\n\\''"', '\0\t\n\r\\''"'),
  (5, 'trailing  ', 'trailing\t', 'NULL', '\\N', '\\N', 'NULL', '\\N', '\\N', '\\N'), (0, 'an id of zero', '', '', '', '', '', '', '', '');

CREATE TABLE collations (
  a VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, b VARCHAR(20) COLLATE utf8mb4_0900_as_cs, c VARCHAR(20) COLLATE utf8mb4_0900_bin,
  d VARCHAR(20) COLLATE utf8mb4_de_pb_0900_as_cs, e VARCHAR(20) COLLATE utf8mb4_ja_0900_as_cs_ks, f VARCHAR(20) COLLATE utf8mb4_zh_0900_as_cs,
  g VARCHAR(20) COLLATE utf8mb3_unicode_520_ci, h VARCHAR(20) COLLATE utf8mb4_general_ci, PRIMARY KEY (a), UNIQUE KEY (c)
) ENGINE=InnoDB;
INSERT INTO collations VALUES ('a ', 'ä', 'A', 'ß', 'あ', '中', 'x', 'X'), ('a', 'Ä', 'a', 'ss', 'ア', '文', '', ''), ('', NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE bytes (id INT PRIMARY KEY, v VARBINARY(300), b BINARY(5), tb TINYBLOB, lb LONGBLOB, tt TINYTEXT, lt LONGTEXT CHARACTER SET utf8mb4) ENGINE=InnoDB;
SET @all = X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF';
INSERT INTO bytes VALUES
  (1, @all, X'6100', LEFT(@all, 255), REPEAT(@all, 5000), 'tiny', REPEAT('läng😀', 30000)), (2, '', '', '', '', '', ''),
  (3, X'00', X'5C4E', X'09', X'0A', '\\N', '\\'), (4, NULL, NULL, NULL, NULL, NULL, NULL);

-- Documents, vectors, shapes --------------------------------------------------------------------------------------------------

CREATE TABLE documents (
  id INT PRIMARY KEY, j JSON, jd JSON DEFAULT (JSON_OBJECT('a', 1)), x INT AS (JSON_VALUE(j, '$.a' RETURNING SIGNED NULL ON ERROR)) VIRTUAL
) ENGINE=InnoDB;
INSERT INTO documents (id, j) VALUES
  (1, '{"a": 1, "b": [1.0, "😀", null, true], "": {"é\\"": "it''s \\\\ \\n"}}'), (2, '  {"b" :2 , "a": 3}'), (3, 'null'), (4, NULL), (5, '"\\u00e4\\n"'), (6, '[]'),
  (7, '{}'), (8, '18446744073709551615'), (9, '-1e-300'), (10, '[[[[[1]]]]]'), (11, '""'), (12, 'false');
CREATE TABLE documents_with_types (id INT PRIMARY KEY, j JSON NOT NULL) ENGINE=InnoDB;
INSERT INTO documents_with_types VALUES
  (1, JSON_OBJECT('decimal', 1.10, 'double', 1.1e0, 'of date', DATE'2020-02-29', 'of time', TIME'-12:34:56.789', 'at', TIMESTAMP'2020-02-29 12:34:56.000001')),
  (2, JSON_ARRAY(CAST(18446744073709551615 AS UNSIGNED), CAST(1 AS SIGNED), 1.10, 0.00)), (3, CAST(9.990 AS JSON)),
  (4, JSON_OBJECT('bytes', CAST('a' AS BINARY), 'bits', b'101', 'deep', JSON_ARRAY(JSON_OBJECT('d', 2.50))));

CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3), large VECTOR) ENGINE=InnoDB;
INSERT INTO vectors VALUES (1, STRING_TO_VECTOR('[1.5,-2,0.1]'), STRING_TO_VECTOR('[1]')), (2, STRING_TO_VECTOR('[3e38,-0,1e-30]'), NULL), (3, NULL, STRING_TO_VECTOR('[0,0]'));

CREATE TABLE shapes (
  id INT PRIMARY KEY, g GEOMETRY NOT NULL SRID 0, p POINT SRID 4326, l LINESTRING, po POLYGON, mp MULTIPOINT, ml MULTILINESTRING, mpo MULTIPOLYGON,
  gc GEOMETRYCOLLECTION, SPATIAL KEY (g)
) ENGINE=InnoDB;
INSERT INTO shapes VALUES
  (1, ST_GeomFromText('POINT(1.5 -2)'), ST_GeomFromText('POINT(50 8)', 4326), ST_GeomFromText('LINESTRING(0 0,1 1,2 0)', 4326),
   ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))'), ST_GeomFromText('MULTIPOINT(1 1,2 2)', 25832), ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'),
   ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))')),
  (2, POINT(0, 0), NULL, NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'));

-- Columns that are not plain --------------------------------------------------------------------------------------------------

CREATE TABLE generated_columns (
  id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(50) AS (CONCAT(a, ' \\ ''x''')) STORED, after_them INT DEFAULT (a + 1), KEY (v)
) ENGINE=InnoDB;
INSERT INTO generated_columns (id, a, after_them) VALUES (1, 10, 5), (2, NULL, 6), (3, -7, NULL);
CREATE TABLE default_expressions (id INT PRIMARY KEY, u BINARY(16) DEFAULT (UUID_TO_BIN('6ccd780c-baba-1026-9564-5b8c656024db')), d DATE DEFAULT (CURRENT_DATE + INTERVAL 1 YEAR), b BLOB DEFAULT (X'00'), g POINT DEFAULT (POINT(1, 2))) ENGINE=InnoDB;
INSERT INTO default_expressions (id, d) VALUES (1, '2020-01-01'), (2, NULL);
CREATE TABLE invisible_columns (a INT PRIMARY KEY, secret VARCHAR(10) DEFAULT 'x' INVISIBLE, b INT, c INT AS (a + b) VIRTUAL INVISIBLE) ENGINE=InnoDB;
INSERT INTO invisible_columns (a, secret, b) VALUES (1, 'seen', 2), (2, NULL, 3), (3, DEFAULT, 4);
SET sql_generate_invisible_primary_key = ON;
CREATE TABLE hidden_key (a INT, b VARCHAR(20)) ENGINE=InnoDB;
SET sql_generate_invisible_primary_key = OFF;
INSERT INTO hidden_key VALUES (1, 'same'), (1, 'same'), (NULL, NULL);
DELETE FROM hidden_key LIMIT 1;
CREATE TABLE commented (
  a INT COMMENT 'one line\nand another, it''s "quoted" \\ with a ; and -- and /* no comment */', b VARCHAR(100) DEFAULT 'a ''default''\n\\ of ä',
  c DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, e INT,
  CONSTRAINT `check it's` CHECK (a > -100 AND b <> 'no''t'), CONSTRAINT sleeping CHECK (a < 0) NOT ENFORCED, CHECK (a < 1000)
) ENGINE=InnoDB COMMENT='a table''s comment\nof two lines';
INSERT INTO commented VALUES (1, DEFAULT, '2020-01-01', 5), (2, NULL, NULL, 6);
CREATE TABLE instant (id INT PRIMARY KEY, a INT) ENGINE=InnoDB;
INSERT INTO instant VALUES (1, 1), (2, 2);
ALTER TABLE instant ADD COLUMN b VARCHAR(10) DEFAULT 'later' FIRST, ALGORITHM=INSTANT;
ALTER TABLE instant DROP COLUMN a, ALGORITHM=INSTANT;
INSERT INTO instant VALUES (NULL, 3);
CREATE TABLE row_compressed (id INT PRIMARY KEY, t TEXT) ENGINE=InnoDB ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4;
INSERT INTO row_compressed SELECT seq, REPEAT(seq, 500) FROM seq_1_to_50;
CREATE TABLE page_compressed (id INT PRIMARY KEY, t TEXT) ENGINE=InnoDB COMPRESSION='zlib' STATS_PERSISTENT=1 STATS_SAMPLE_PAGES=30;
INSERT INTO page_compressed SELECT seq, REPEAT(seq, 500) FROM seq_1_to_50;

-- Keys ------------------------------------------------------------------------------------------------------------------------

CREATE TABLE without_key (a INT, b VARCHAR(20)) ENGINE=InnoDB;
INSERT INTO without_key VALUES (1, 'same'), (1, 'same'), (NULL, NULL), (NULL, NULL), (2, ''), (1, 'same');
CREATE TABLE functional_keys (
  id INT PRIMARY KEY, name VARCHAR(50) CHARACTER SET utf8mb4, born DATE, tags JSON,
  KEY of_name ((LOWER(name))), UNIQUE KEY of_year ((YEAR(born)), id), KEY of_tags ((CAST(tags->'$[*]' AS CHAR(20) ARRAY))), KEY of_cut ((SUBSTR(name, 1, 3)) DESC)
) ENGINE=InnoDB;
INSERT INTO functional_keys VALUES (1, 'Änn', '2020-01-01', '["a", "b"]'), (2, 'BO', '2020-01-01', '[]'), (3, NULL, NULL, NULL);
CREATE TABLE descending_key (a INT, b INT, PRIMARY KEY (a DESC, b), KEY (b DESC)) ENGINE=InnoDB;
INSERT INTO descending_key SELECT seq, seq MOD 5 FROM seq_1_to_100;
CREATE TABLE invisible_key (a INT PRIMARY KEY, b INT, KEY k (b) COMMENT 'not used' INVISIBLE) ENGINE=InnoDB;
INSERT INTO invisible_key VALUES (1, 1), (2, 2);
CREATE TABLE string_key (k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, n INT) ENGINE=InnoDB;
INSERT INTO string_key VALUES ('a', 1), ('a ', 2), ('B', 3), ('ä2', 4), ('', 5), ('😀', 6), ('it''s', 7);
CREATE TABLE binary_key (k VARBINARY(20) PRIMARY KEY, n INT) ENGINE=InnoDB;
INSERT INTO binary_key VALUES (X'', 1), (X'00', 2), (X'0000', 3), (X'FF', 4), (X'5C00', 5), (X'27', 6);
CREATE TABLE time_key (t TIMESTAMP(6) NOT NULL, d DATETIME NOT NULL, n DECIMAL(20,5) NOT NULL, PRIMARY KEY (t, d, n)) ENGINE=InnoDB;
INSERT INTO time_key VALUES ('2020-01-01 00:00:00.000001', '2021-02-31', -1.5), ('2020-01-01 00:00:00.000002', '0000-00-00', 0), (0, '9999-12-31', 1e10);
CREATE TABLE enum_key (e ENUM('b', 'a', '1') NOT NULL, y YEAR NOT NULL, b BIT(9) NOT NULL, PRIMARY KEY (e, y, b)) ENGINE=InnoDB;
INSERT INTO enum_key VALUES ('b', 0, 1), ('a', 1999, 2), ('1', 2155, 511), (0, 2000, 0);
CREATE TABLE prefix_key (t TEXT NOT NULL, PRIMARY KEY (t(5))) ENGINE=InnoDB;
INSERT INTO prefix_key VALUES ('abcdefgh'), ('abcdxfgh'), ('');
CREATE TABLE unsigned_key (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=InnoDB;
INSERT INTO unsigned_key VALUES (0, 0), (9223372036854775808, 1), (18446744073709551610, 2);
CREATE TABLE grouped_auto (g INT, id INT AUTO_INCREMENT, v INT, PRIMARY KEY (g, id)) ENGINE=MyISAM;
INSERT INTO grouped_auto (g, id, v) VALUES (1, NULL, 1), (1, NULL, 2), (2, NULL, 1), (1, NULL, 3);
CREATE TABLE full_text (id INT PRIMARY KEY, t TEXT, FULLTEXT KEY (t) WITH PARSER ngram) ENGINE=InnoDB;
INSERT INTO full_text VALUES (1, 'some words to find'), (2, 'others');
CREATE TABLE full_text_of_myisam (id INT PRIMARY KEY, t TEXT, p POINT NOT NULL SRID 0, FULLTEXT KEY (t), SPATIAL KEY (p)) ENGINE=MyISAM DELAY_KEY_WRITE=1 CHECKSUM=1 ROW_FORMAT=DYNAMIC;
INSERT INTO full_text_of_myisam VALUES (1, 'some words to find', POINT(1, 2)), (2, 'others', POINT(3, 4));

SET foreign_key_checks = 0;
SET restrict_fk_on_non_standard_key = OFF;
CREATE TABLE hen (id INT PRIMARY KEY, egg INT, CONSTRAINT hen_of_egg FOREIGN KEY (egg) REFERENCES egg (id) ON DELETE SET NULL ON UPDATE CASCADE) ENGINE=InnoDB;
CREATE TABLE egg (id INT PRIMARY KEY, hen INT, weight INT, KEY (weight), CONSTRAINT `egg's hen` FOREIGN KEY (hen) REFERENCES hen (id)) ENGINE=InnoDB;
CREATE TABLE scale (id INT PRIMARY KEY, weight INT, FOREIGN KEY (weight) REFERENCES egg (weight)) ENGINE=InnoDB;
INSERT INTO hen VALUES (1, 2), (2, 1), (3, NULL);
INSERT INTO egg VALUES (1, 1, 5), (2, 3, 6), (3, 2, 5);
INSERT INTO scale VALUES (1, 5), (2, 6);
CREATE TABLE tree (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES tree (id)) ENGINE=InnoDB;
INSERT INTO tree VALUES (1, 3), (2, 1), (3, NULL), (4, 4);
CREATE TABLE orphan (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES tree (id)) ENGINE=InnoDB;
INSERT INTO orphan VALUES (1, 999);
SET restrict_fk_on_non_standard_key = ON;
SET foreign_key_checks = 1;

-- Engines and partitions ------------------------------------------------------------------------------------------------------

CREATE TABLE in_myisam (id INT PRIMARY KEY, v VARCHAR(40), KEY (v)) ENGINE=MyISAM;
INSERT INTO in_myisam SELECT seq, LEFT(SHA2(seq, 256), 32) FROM seq_1_to_100;
DELETE FROM in_myisam WHERE id MOD 3 = 0;
CREATE TABLE in_myisam_fixed (id INT PRIMARY KEY, v CHAR(20)) ENGINE=MyISAM ROW_FORMAT=FIXED;
INSERT INTO in_myisam_fixed SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE in_memory (id INT PRIMARY KEY, v VARCHAR(20), KEY (v) USING HASH) ENGINE=MEMORY MAX_ROWS=1000;
INSERT INTO in_memory SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE in_csv (a INT NOT NULL, t VARCHAR(50) NOT NULL) ENGINE=CSV;
INSERT INTO in_csv VALUES (1, 'a "quoted", text'), (2, 'a\nline'), (2, 'a\\b'), (1, '');
CREATE TABLE in_archive (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT) ENGINE=ARCHIVE;
INSERT INTO in_archive SELECT seq, REPEAT('text ', seq) FROM seq_1_to_50;
CREATE TABLE in_blackhole (id INT PRIMARY KEY) ENGINE=BLACKHOLE;
CREATE TABLE merged_one (a INT NOT NULL, KEY (a)) ENGINE=MyISAM;
CREATE TABLE merged_two (a INT NOT NULL, KEY (a)) ENGINE=MyISAM;
INSERT INTO merged_one VALUES (1), (2);
INSERT INTO merged_two VALUES (2), (3);
CREATE TABLE all_merged (a INT NOT NULL, KEY (a)) ENGINE=MERGE UNION=(merged_one, merged_two) INSERT_METHOD=LAST;
CREATE TABLE empty_innodb (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=InnoDB AUTO_INCREMENT=77;
CREATE TABLE empty_myisam (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=MyISAM AUTO_INCREMENT=88;

CREATE TABLE parts_range (d DATE NOT NULL, n INT, KEY (n)) ENGINE=InnoDB PARTITION BY RANGE (YEAR(d))
  (PARTITION `p old` VALUES LESS THAN (2020) COMMENT 'old', PARTITION p1 VALUES LESS THAN (2022), PARTITION rest VALUES LESS THAN MAXVALUE);
INSERT INTO parts_range SELECT '2018-01-01' + INTERVAL seq * 30 DAY, seq FROM seq_1_to_100;
CREATE TABLE parts_list (k VARCHAR(10), n INT) ENGINE=InnoDB PARTITION BY LIST COLUMNS (k) (PARTITION a VALUES IN ('a', 'it''s'), PARTITION other VALUES IN ('z', NULL));
INSERT INTO parts_list VALUES ('a', 1), ('it''s', 2), ('z', 3), (NULL, 4);
CREATE TABLE parts_key (id VARCHAR(40) PRIMARY KEY, n INT) ENGINE=InnoDB PARTITION BY KEY ALGORITHM=2 (id) PARTITIONS 3;
INSERT INTO parts_key SELECT LEFT(SHA2(seq, 256), 32), seq FROM seq_1_to_20;
CREATE TABLE parts_sub (d INT NOT NULL, n INT NOT NULL, PRIMARY KEY (d, n)) ENGINE=InnoDB PARTITION BY RANGE (d) SUBPARTITION BY LINEAR HASH (n) SUBPARTITIONS 2
  (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (100));
INSERT INTO parts_sub SELECT seq MOD 50, seq FROM seq_1_to_100;

-- Views, in an order that their names do not tell -----------------------------------------------------------------------------

CREATE VIEW z_first AS SELECT id, v FROM in_myisam WHERE v LIKE '%a%';
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW m_second AS SELECT id, v AS `up``per` FROM z_first WITH LOCAL CHECK OPTION;
CREATE DEFINER=`no body`@`%` VIEW a_third (`an id`, `a "text"`) AS
  SELECT m.id, CONCAT('it''s \\ ', m.`up``per`, ' ä😀') FROM m_second m JOIN integers USING (id);
CREATE ALGORITHM=TEMPTABLE VIEW `view of windows` AS
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i, SUM(i) OVER (ORDER BY i) AS running FROM n;
CREATE VIEW of_documents AS SELECT t.id, k.tag FROM functional_keys t, JSON_TABLE(t.tags, '$[*]' COLUMNS (tag VARCHAR(20) PATH '$')) k;
CREATE TABLE soon_gone (a INT);
CREATE VIEW invalid_view AS SELECT a FROM soon_gone;
DROP TABLE soon_gone;

-- Code, each with a mode, a character set and a definer of its own ------------------------------------------------------------

CREATE TABLE log_of_triggers (n INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(100) CHARACTER SET utf8mb4) ENGINE=InnoDB;
CREATE TABLE watched (id INT PRIMARY KEY, v VARCHAR(50) CHARACTER SET utf8mb4) ENGINE=InnoDB;
DELIMITER //
CREATE TRIGGER z_before BEFORE INSERT ON watched FOR EACH ROW SET NEW.v = CONCAT(NEW.v, '1') //
CREATE TRIGGER a_before BEFORE INSERT ON watched FOR EACH ROW FOLLOWS z_before SET NEW.v = CONCAT(NEW.v, '2') //
CREATE TRIGGER m_before BEFORE INSERT ON watched FOR EACH ROW PRECEDES a_before BEGIN
  -- a comment ; with a semicolon
  SET NEW.v = CONCAT(NEW.v, '😀');
END //
CREATE TRIGGER `after it's` AFTER UPDATE ON watched FOR EACH ROW INSERT INTO log_of_triggers (t) VALUES (OLD.v) //
CREATE DEFINER=`no body`@`%` TRIGGER gone AFTER DELETE ON watched FOR EACH ROW INSERT INTO log_of_triggers (t) VALUES ('deleted') //
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT' //
CREATE PROCEDURE "quoted ""name"(IN "an argument" INT, OUT b VARCHAR(10), INOUT c DECIMAL(10,2))
  SQL SECURITY INVOKER MODIFIES SQL DATA COMMENT 'it''s
  a comment'
BEGIN
  SELECT 'x' || "an argument" INTO b;
END //
SET sql_mode = 'NO_BACKSLASH_ESCAPES,ALLOW_INVALID_DATES' //
CREATE FUNCTION backslashes() RETURNS VARCHAR(20) CHARACTER SET utf8mb4 DETERMINISTIC NO SQL RETURN 'a\b\' //
SET sql_mode = 'TIME_TRUNCATE_FRACTIONAL,HIGH_NOT_PRECEDENCE' //
CREATE FUNCTION of_times() RETURNS TIME(3) DETERMINISTIC RETURN '12:00:00.9999' //
SET sql_mode = '' //
SET NAMES latin1 //
-- To the server each of these letters is two of latin1.
CREATE DEFINER=`no body`@`%` FUNCTION of_latin1() RETURNS VARCHAR(20) CHARACTER SET latin1 DETERMINISTIC RETURN 'äöü' //
CREATE VIEW of_latin1_too AS SELECT 'äöü' AS a //
SET NAMES utf8mb4 COLLATE utf8mb4_0900_as_cs //
CREATE FUNCTION of_documents(d JSON) RETURNS JSON DETERMINISTIC RETURN JSON_SET(d, '$.seen', TRUE) //
CREATE PROCEDURE branches(n INT) BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT; END;
  l: LOOP SET n = n - 1; IF n < 0 THEN LEAVE l; END IF; CASE n WHEN 1 THEN SELECT ';'; ELSE BEGIN END; END CASE; END LOOP;
END //
CREATE EVENT each_day ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 03:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'it''s nightly' DO BEGIN
  DELETE FROM log_of_triggers WHERE t = '\\';
END //
SET time_zone = '+05:30' //
SET sql_mode = 'ANSI_QUOTES' //
CREATE DEFINER=`no body`@`%` EVENT "once a year" ON SCHEDULE AT '2037-01-01 00:00:00' DO DELETE FROM "watched" //
DELIMITER ;
SET NAMES utf8mb4;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
SET time_zone = '+00:00';
INSERT INTO watched VALUES (1, 'a'), (2, 'b');
UPDATE watched SET v = 'changed' WHERE id = 2;

-- Names -----------------------------------------------------------------------------------------------------------------------

CREATE DATABASE `odd ``name'. /%é` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs;
USE `odd ``name'. /%é`;
CREATE TABLE `.hidden` (`.a` INT PRIMARY KEY, `b c` INT);
CREATE TABLE `..` (`..` INT PRIMARY KEY);
CREATE TABLE `back``tick` (`a``b` INT PRIMARY KEY, `it's` INT, `"` INT);
CREATE TABLE `a.b` (a INT PRIMARY KEY);
CREATE TABLE `a/b\c` (`x/y\z` INT PRIMARY KEY);
CREATE TABLE `100%` (`%s` INT PRIMARY KEY, `?` INT, `@v` INT, `:x` INT);
CREATE TABLE `größe` (`straße` INT PRIMARY KEY, `日本` INT, `ﬁ` INT) ENGINE=MyISAM;
CREATE TABLE `select` (`select` INT PRIMARY KEY, `from` INT, `key` INT);
CREATE TABLE `Case` (a INT PRIMARY KEY);
CREATE TABLE `case` (A INT PRIMARY KEY);
CREATE TABLE `a name of sixty-four letters, as long as the name of one may be.` (`a name of sixty-four letters, as long as the name of one may be.` INT);
CREATE TABLE `-- ; comment` (`/* a */` INT PRIMARY KEY, `#` INT);
CREATE TABLE `two
lines` (`a
b` INT PRIMARY KEY);
INSERT INTO `.hidden` VALUES (1, 2);
INSERT INTO `..` VALUES (1);
INSERT INTO `back``tick` VALUES (1, 2, 3);
INSERT INTO `a.b` VALUES (1);
INSERT INTO `a/b\c` VALUES (1);
INSERT INTO `100%` VALUES (1, 2, 3, 4);
INSERT INTO `größe` VALUES (1, 2, 3);
INSERT INTO `select` VALUES (1, 2, 3);
INSERT INTO `Case` VALUES (1);
INSERT INTO `case` VALUES (2);
INSERT INTO `-- ; comment` VALUES (1, 2);
INSERT INTO `two
lines` VALUES (1);
CREATE VIEW `a view of 100%` AS SELECT `%s` AS `per cent`, t.id FROM `100%`, torture.tree t;
CREATE TRIGGER `tr/ig``ger` BEFORE UPDATE ON `a/b\c` FOR EACH ROW SET NEW.`x/y\z` = NEW.`x/y\z`;
CREATE PROCEDURE `pro.ce/dure`() SELECT 1;
