-- Everything that a table of MariaDB 10.5 to 11.8 can hold, and everything that is awkward about it; what only newer ones have is in comments
-- that older ones pass over.
-- For the `mariadb` client, with --default-character-set=utf8mb4, on an empty server that has the engine ARCHIVE.

SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION';
SET timestamp = 1700000000.123456;
CREATE DATABASE torture DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci COMMENT 'a schema with a comment, it''s \\ ä';
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
  (5, 0.1, 0.1, 0.1, 0.1, 0.1),
  (6, '-0', '-0', '-0', '-0', 0),
  (7, 16777217, 9007199254740993, 1234.5678, 1234.5678, 123456789),
  (8, 0.30000001192092896, 0.30000000000000004, 1.0005, 1.005, 1e-10),
  (9, 8388608.5, 1e22, 3.14159265, 2.718281828, 1e10),
  (10, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE decimals (
  id INT PRIMARY KEY, d65 DECIMAL(65,30), d1 DECIMAL(1,0), d10 DECIMAL(10,10), du DECIMAL(20,5) UNSIGNED, dz DECIMAL(9,3) ZEROFILL
) ENGINE=InnoDB;
INSERT INTO decimals VALUES
  (1, 99999999999999999999999999999999999.999999999999999999999999999999, 9, 0.9999999999, 999999999999999.99999, 999999.999),
  (2, -99999999999999999999999999999999999.999999999999999999999999999999, -9, -0.9999999999, 0, 0),
  (3, 0.000000000000000000000000000001, 0, 0.0000000001, 0.00001, 0.001),
  (4, -0.000000000000000000000000000001, 0, -0.0000000001, 1, 1),
  (5, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE bits (id INT PRIMARY KEY, b1 BIT(1), b7 BIT(7), b8 BIT(8), b9 BIT(9), b33 BIT(33), b63 BIT(63), b64 BIT(64)) ENGINE=InnoDB;
INSERT INTO bits VALUES
  (1, b'1', 127, 255, 511, 8589934591, 9223372036854775807, 18446744073709551615),
  (2, 0, 0, 0, 0, 0, 0, 0), (3, 1, 39, 92, 256, 4294967296, 1, 9223372036854775808), (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Times -----------------------------------------------------------------------------------------------------------------------

CREATE TABLE dates (
  id INT PRIMARY KEY, d DATE, dt DATETIME, dt1 DATETIME(1), dt3 DATETIME(3), dt6 DATETIME(6), y YEAR, t TIME, t2 TIME(2), t6 TIME(6)
) ENGINE=InnoDB;
INSERT INTO dates VALUES
  (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00', '0000-00-00', '0000-00-00', 0, '00:00:00', 0, 0),
  (2, '2021-02-31', '2021-02-31 23:59:59', '2021-06-31 01:02:03.4', '2023-02-29 00:00:00.001', '2021-04-31 00:00:00.000001', 1901, '-838:59:59', '-838:59:59.99', '-838:59:59.999999'),
  (3, '2021-00-00', '2021-05-00 01:02:03', '0000-05-01', '2021-00-10 10:10:10.123', '0000-00-01 00:00:00.999999', 2155, '838:59:59', '838:59:59.99', '838:59:59.999999'),
  (4, '0001-01-01', '0001-01-01 00:00:00', '1000-01-01', '1000-01-01', '1000-01-01', 2000, '-00:00:01', '-00:00:00.01', '-00:00:00.000001'),
  (5, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.9', '9999-12-31 23:59:59.999', '9999-12-31 23:59:59.999999', 1970, '25:00:00', '100:00:00.50', '12:34:56.000000'),
  (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE timestamps (
  id INT PRIMARY KEY, t0 TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, t1 TIMESTAMP(1) NULL, t2 TIMESTAMP(2) NULL,
  t3 TIMESTAMP(3) NULL, t4 TIMESTAMP(4) NULL, t5 TIMESTAMP(5) NULL, t6 TIMESTAMP(6) NOT NULL DEFAULT '0000-00-00 00:00:00'
) ENGINE=InnoDB;
INSERT INTO timestamps VALUES
  (1, '1970-01-01 00:00:01', '1970-01-01 00:00:01.1', '1970-01-01 00:00:01.12', '1970-01-01 00:00:01.123', '1970-01-01 00:00:01.1234', '1970-01-01 00:00:01.12345', '1970-01-01 00:00:01.123456'),
  (2, '2038-01-19 03:14:07', '2038-01-19 03:14:07.9', '2038-01-19 03:14:07.99', '2038-01-19 03:14:07.999', '2038-01-19 03:14:07.9999', '2038-01-19 03:14:07.99999', '2038-01-19 03:14:07.999999'),
  (3, 0, 0, 0, 0, 0, 0, 0),
  -- An hour that summer time has twice, and one that it leaves out, in many places.
  (4, '2023-10-29 00:30:00', '2023-10-29 01:30:00', '2023-03-26 01:30:00', '2023-11-05 05:30:00', '2023-11-05 06:30:00', '2023-03-12 07:30:00', '2023-03-12 08:30:00'),
  (5, NULL, NULL, NULL, NULL, NULL, NULL, '2000-02-29 12:00:00.000001');

-- Labels ----------------------------------------------------------------------------------------------------------------------

CREATE TABLE labels (
  id INT PRIMARY KEY, e ENUM('1','2','','a,b','it''s','q"q','ä','\\') DEFAULT '2', s SET('1','2','4','ä','it''s','x y'),
  g ENUM('é','œ','€') CHARACTER SET latin1, j ENUM('ソ','表') CHARACTER SET sjis, u SET('😀','b') CHARACTER SET utf8mb4
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO labels VALUES
  (1, '1', '1', 'é', 'ソ', '😀'), (2, 2, 2, '€', '表', '😀,b'), (3, '', '', 'œ', 1, ''), (4, 'none of these', 0, 0, 0, 0),
  (5, 'a,b', '1,2,4', 1, 1, 1), (6, 'it''s', 'it''s,ä,x y', 1, 1, 1), (7, '\\', 63, 2, 2, 3), (8, NULL, NULL, NULL, NULL, NULL), (9, 'ä', 'ä', 3, 2, 2);

-- Texts and bytes -------------------------------------------------------------------------------------------------------------

CREATE TABLE texts (
  id INT PRIMARY KEY AUTO_INCREMENT, l VARCHAR(200) CHARACTER SET latin1, u3 VARCHAR(100) CHARACTER SET utf8mb3,
  u4 VARCHAR(100) CHARACTER SET utf8mb4, sj VARCHAR(100) CHARACTER SET sjis, cp VARCHAR(100) CHARACTER SET cp932,
  gb VARCHAR(100) CHARACTER SET gbk, b5 VARCHAR(100) CHARACTER SET big5, u16 VARCHAR(100) CHARACTER SET utf16,
  u16l VARCHAR(100) CHARACTER SET utf16le, u32 VARCHAR(100) CHARACTER SET utf32, u2 VARCHAR(100) CHARACTER SET ucs2,
  sw VARCHAR(100) CHARACTER SET swe7, ko VARCHAR(100) CHARACTER SET euckr, asc1 VARCHAR(100) CHARACTER SET ascii
) ENGINE=InnoDB;
INSERT INTO texts VALUES
  (1, X'808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9F', 'äß€', '😀👩‍👩‍👧‍👦', _sjis X'835C955C5C', _cp932 X'835CEDFC8740', _gbk X'815C8E5C', _big5 X'A45CA55C', '😀ä', '😀ä', '😀ä', 'ä€', 'abc', '한국', 'tilde ~'),
  (2, '', '', '', '', '', '', '', '', '', '', '', '', '', ''),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, '\0\t\n\r\Z\\''"`%_', '\0\t\n\r\Z\\''"`', '\0\t\n\r\Z\\''"`', '\t\n\\''"', '\t\n''"', '\t\n\\''"', '\t\n\\''"', '\0\t\n\r\\''"', '\0\t\n\r\\''"', '\0\t\n\\''"', '\0\t\n\\''"', '\t\n', '\t\n\\''"', '\0\t\n\\''"'),
  (5, 'trailing  ', 'trailing\t', 'NULL', '\\N', '\\N', '\\N', '\\N', 'NULL', 'NULL', '\\N', '\\N', 'N', '\\N', '\\N'),
  (0, 'an id of zero in an AUTO_INCREMENT column', '', '', '', '', '', '', '', '', '', '', '', '', '');

CREATE TABLE padded (
  id INT PRIMARY KEY, c CHAR(5), cb CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, b BINARY(5), vb VARBINARY(5), n CHAR(0), nn VARCHAR(0)
) ENGINE=InnoDB;
INSERT INTO padded VALUES
  (1, 'a  ', '😀 ', X'6100', X'6100', '', ''), (2, '     ', '', X'0000000000', X'0000000000', NULL, NULL), (3, '  a', ' ', X'2020', X'2020', '', NULL),
  (4, NULL, NULL, NULL, NULL, NULL, '');

CREATE TABLE bytes (
  id INT PRIMARY KEY, v VARBINARY(300), b BLOB, tb TINYBLOB, mb MEDIUMBLOB, lb LONGBLOB, tt TINYTEXT, mt MEDIUMTEXT, lt LONGTEXT CHARACTER SET utf8mb4
) ENGINE=InnoDB;
SET @all = X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF';
INSERT INTO bytes VALUES
  (1, @all, @all, LEFT(@all, 255), @all, REPEAT(@all, 5000), 'tiny', REPEAT('medium ', 20000), REPEAT('läng😀', 30000)),
  (2, '', '', '', '', '', '', '', ''), (3, X'00', X'09', X'0A', X'5C', X'5C4E', '\\N', '\t\n', '\\'), (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE bytes_of_myisam ENGINE=MyISAM AS SELECT * FROM bytes;

CREATE TABLE documents (
  id INT PRIMARY KEY, j JSON, jd JSON DEFAULT '{}', x INT AS (JSON_VALUE(j, '$.a')) VIRTUAL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO documents (id, j) VALUES (1, '{"a": 1, "b": [1.0, "😀", null]}'), (2, '  {"a" :2 , "a": 3}'), (3, 'null'), (4, NULL), (5, '"\\u00e4\\n"');

CREATE TABLE addresses (id INT PRIMARY KEY, i6 INET6, UNIQUE KEY (i6)) ENGINE=InnoDB;
INSERT INTO addresses VALUES (1, '::'), (2, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'), (3, '::ffff:192.0.2.1'), (4, NULL);
/*M!101000 CREATE TABLE more_addresses (u UUID PRIMARY KEY, i4 INET4) ENGINE=InnoDB */;
/*M!101000 INSERT INTO more_addresses VALUES
  ('00000000-0000-0000-0000-000000000000', '0.0.0.0'), ('ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.255'),
  ('123e4567-e89b-12d3-a456-426655440000', '92.39.0.9'), ('6ba7b810-9dad-11d1-80b4-00c04fd430c8', NULL) */;
/*M!110700 CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3) NOT NULL, VECTOR KEY near (v) DISTANCE=cosine) ENGINE=InnoDB */;
/*M!110700 INSERT INTO vectors VALUES (1, VEC_FromText('[1.5,-2,0.1]')), (2, VEC_FromText('[3e37,-0.0,1e-30]')) */;
/*M!110500 CREATE TABLE late_timestamps (id INT PRIMARY KEY, t TIMESTAMP(6) NULL) ENGINE=InnoDB */;
/*M!110500 INSERT INTO late_timestamps VALUES (1, '2038-01-19 03:14:08'), (2, '2106-02-07 06:28:15.999999') */;
/*M!101001 CREATE TABLE newer_collations (a VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci PRIMARY KEY,
  b VARCHAR(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_uca1400_german2_as_cs) ENGINE=InnoDB */;
/*M!101001 INSERT INTO newer_collations VALUES ('a', 'ä'), ('b', 'Ä'), ('', NULL) */;

CREATE TABLE shapes (
  id INT PRIMARY KEY, g GEOMETRY NOT NULL, p POINT, l LINESTRING, po POLYGON, mp MULTIPOINT, ml MULTILINESTRING, mpo MULTIPOLYGON,
  gc GEOMETRYCOLLECTION, SPATIAL KEY (g)
) ENGINE=InnoDB;
INSERT INTO shapes VALUES
  (1, ST_GeomFromText('POINT(1.5 -2)', 4326), POINT(0.1, -0e0), ST_GeomFromText('LINESTRING(0 0,1 1,2 0)', 4326),
   ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))'), ST_GeomFromText('MULTIPOINT(1 1,2 2)', 25832),
   ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'), ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))', 1)),
  (2, POINT(0, 0), NULL, NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'));

-- Columns that are not plain --------------------------------------------------------------------------------------------------

CREATE TABLE generated_columns (
  id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, p INT AS (a * 3) PERSISTENT, s VARCHAR(50) AS (CONCAT(a, ' \\ ''x''')) STORED,
  after_them INT DEFAULT (a + 1), KEY (v), UNIQUE KEY (p)
) ENGINE=InnoDB;
INSERT INTO generated_columns (id, a, after_them) VALUES (1, 10, 5), (2, NULL, 6), (3, -7, NULL);

CREATE TABLE invisible_columns (
  a INT PRIMARY KEY, secret VARCHAR(10) INVISIBLE DEFAULT 'x', b INT, c INT AS (a + b) VIRTUAL INVISIBLE
) ENGINE=InnoDB;
INSERT INTO invisible_columns (a, secret, b) VALUES (1, 'seen', 2), (2, NULL, 3), (3, DEFAULT, 4);

CREATE TABLE commented (
  a INT COMMENT 'one line\nand another, it''s "quoted" \\ with a ; and -- and /* no comment */',
  `b` VARCHAR(100) DEFAULT 'a ''default''\n\\ of ä', c DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, d INT NOT NULL DEFAULT (1 + 1),
  CONSTRAINT `check it's` CHECK (a > -100 AND b <> 'no''t'), CHECK (a < 1000)
) ENGINE=InnoDB COMMENT='a table''s comment\nof two lines';
INSERT INTO commented VALUES (1, DEFAULT, '2020-01-01', 5), (2, NULL, NULL, 6);

CREATE TABLE compressed (
  id INT PRIMARY KEY, v VARCHAR(3000) COMPRESSED, b LONGBLOB COMPRESSED=zlib, t TEXT COMPRESSED CHARACTER SET utf8mb4
) ENGINE=InnoDB;
INSERT INTO compressed VALUES (1, REPEAT('ab', 1000), REPEAT(@all, 100), REPEAT('ä😀', 500)), (2, '', '', ''), (3, NULL, NULL, NULL), (4, 'short', @all, 'ä');
CREATE TABLE page_compressed (id INT PRIMARY KEY, t TEXT) ENGINE=InnoDB PAGE_COMPRESSED=1 PAGE_COMPRESSION_LEVEL=3;
INSERT INTO page_compressed SELECT seq, REPEAT(seq, 500) FROM seq_1_to_50;
CREATE TABLE row_compressed (id INT PRIMARY KEY, t TEXT) ENGINE=InnoDB ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4;
INSERT INTO row_compressed SELECT seq, REPEAT(seq, 500) FROM seq_1_to_50;

SET group_concat_max_len = 1000000;
DELIMITER //
CREATE PROCEDURE make_wide() BEGIN
  SELECT GROUP_CONCAT('c', seq, ' INT' ORDER BY seq) INTO @columns FROM seq_1_to_999;
  EXECUTE IMMEDIATE CONCAT('CREATE TABLE wide (id INT PRIMARY KEY, ', @columns, ') ENGINE=InnoDB ROW_FORMAT=DYNAMIC');
  SELECT GROUP_CONCAT(IF(seq MOD 7 = 0, 'NULL', seq) ORDER BY seq) INTO @values FROM seq_1_to_999;
  EXECUTE IMMEDIATE CONCAT('INSERT INTO wide VALUES (1, ', @values, '), (2, ', @values, ')');
END //
DELIMITER ;
CALL make_wide();
DROP PROCEDURE make_wide;

-- Keys ------------------------------------------------------------------------------------------------------------------------

CREATE TABLE without_key (a INT, b VARCHAR(20)) ENGINE=InnoDB;
INSERT INTO without_key VALUES (1, 'same'), (1, 'same'), (NULL, NULL), (NULL, NULL), (2, ''), (1, 'same');
CREATE TABLE composite_key (a VARCHAR(10), b INT, c DATE, d INT, PRIMARY KEY (a, b, c)) ENGINE=InnoDB;
INSERT INTO composite_key VALUES ('a', 1, '2020-01-01', 1), ('a', 1, '2021-01-01', 2), ('a', -1, '2020-01-01', 3), ('', 0, '2020-02-29', 4), ('ab', 0, '0000-00-00', 5);
CREATE TABLE string_key_ci (k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n INT) ENGINE=InnoDB;
INSERT INTO string_key_ci VALUES ('a', 1), ('B', 2), ('ä2', 3), ('Z', 4), ('_', 5), ('', 6), ('😀', 7), ('it''s', 8);
CREATE TABLE string_key_uca (k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci PRIMARY KEY, n INT) ENGINE=InnoDB;
INSERT INTO string_key_uca SELECT * FROM string_key_ci;
CREATE TABLE string_key_bin (k VARCHAR(50) CHARACTER SET latin1 COLLATE latin1_bin PRIMARY KEY, n INT) ENGINE=MyISAM;
INSERT INTO string_key_bin VALUES ('a', 1), ('A', 2), ('ä', 3), ('', 4), (X'80', 5), (X'5C', 6);
CREATE TABLE string_key_nopad (k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin PRIMARY KEY, n INT) ENGINE=InnoDB;
INSERT INTO string_key_nopad VALUES ('a', 1), ('a ', 2), ('a  ', 3), ('A', 4);
CREATE TABLE binary_key (k VARBINARY(20) PRIMARY KEY, n INT) ENGINE=InnoDB;
INSERT INTO binary_key VALUES (X'', 1), (X'00', 2), (X'0000', 3), (X'FF', 4), (X'5C00', 5), (X'27', 6);
CREATE TABLE descending_key (a INT, b INT, PRIMARY KEY (a DESC, b), KEY (b DESC)) ENGINE=InnoDB;
INSERT INTO descending_key SELECT seq, seq MOD 5 FROM seq_1_to_100;
CREATE TABLE time_key (t TIMESTAMP(6) NOT NULL, d DATETIME NOT NULL, n DECIMAL(20,5) NOT NULL, PRIMARY KEY (t, d, n)) ENGINE=InnoDB;
INSERT INTO time_key VALUES ('2020-01-01 00:00:00.000001', '2021-02-31', -1.5), ('2020-01-01 00:00:00.000002', '0000-00-00', 0), (0, '9999-12-31', 1e10);
CREATE TABLE enum_key (e ENUM('b', 'a', '1') NOT NULL, y YEAR NOT NULL, b BIT(9) NOT NULL, PRIMARY KEY (e, y, b)) ENGINE=InnoDB;
INSERT INTO enum_key VALUES ('b', 0, 1), ('a', 1999, 2), ('1', 2155, 511), (0, 2000, 0);
CREATE TABLE float_key (f DOUBLE PRIMARY KEY, n INT) ENGINE=InnoDB;
INSERT INTO float_key VALUES (0.1, 1), (5e-324, 2), (-1e300, 3);
CREATE TABLE unique_key (a INT NOT NULL, b VARCHAR(10), UNIQUE KEY nullable (b), UNIQUE KEY whole (a)) ENGINE=InnoDB;
INSERT INTO unique_key VALUES (3, NULL), (1, NULL), (2, 'x');
CREATE TABLE prefix_key (t TEXT NOT NULL, u TEXT, PRIMARY KEY (t(5)), UNIQUE KEY (u) USING HASH) ENGINE=InnoDB;
INSERT INTO prefix_key VALUES ('abcdefgh', 'x'), ('abcdxfgh', NULL), ('', '');
CREATE TABLE unsigned_key (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=InnoDB;
INSERT INTO unsigned_key VALUES (0, 0), (9223372036854775808, 1), (18446744073709551610, 2);
CREATE TABLE auto_zero (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=MyISAM AUTO_INCREMENT=500;
INSERT INTO auto_zero VALUES (0, 1), (-5, 2), (7, 3);
CREATE TABLE grouped_auto (g INT, id INT AUTO_INCREMENT, v INT, PRIMARY KEY (g, id)) ENGINE=MyISAM;
INSERT INTO grouped_auto (g, id, v) VALUES (1, NULL, 1), (1, NULL, 2), (2, NULL, 1), (1, NULL, 3);
CREATE TABLE full_text (id INT PRIMARY KEY, t TEXT, FULLTEXT KEY (t)) ENGINE=InnoDB;
INSERT INTO full_text VALUES (1, 'some words to find'), (2, 'others');
CREATE TABLE full_text_of_myisam (
  id INT PRIMARY KEY, t TEXT, p POINT NOT NULL, FULLTEXT KEY (t), SPATIAL KEY (p)
) ENGINE=MyISAM DELAY_KEY_WRITE=1 CHECKSUM=1 ROW_FORMAT=DYNAMIC;
INSERT INTO full_text_of_myisam VALUES (1, 'some words to find', POINT(1, 2)), (2, 'others', POINT(3, 4));
CREATE TABLE ignored_key (a INT PRIMARY KEY, b INT, KEY k (b) COMMENT 'not used' /*M!100600 IGNORED */) ENGINE=InnoDB;
INSERT INTO ignored_key VALUES (1, 1), (2, 2);

SET foreign_key_checks = 0;
CREATE TABLE hen (
  id INT PRIMARY KEY, egg INT, CONSTRAINT hen_of_egg FOREIGN KEY (egg) REFERENCES egg (id) ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB;
CREATE TABLE egg (id INT PRIMARY KEY, hen INT, CONSTRAINT `egg's hen` FOREIGN KEY (hen) REFERENCES hen (id)) ENGINE=InnoDB;
INSERT INTO hen VALUES (1, 2), (2, 1), (3, NULL);
INSERT INTO egg VALUES (1, 1), (2, 3), (3, 2);
CREATE TABLE tree (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES tree (id)) ENGINE=InnoDB;
INSERT INTO tree VALUES (1, 3), (2, 1), (3, NULL), (4, 4);
CREATE TABLE orphan (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES tree (id)) ENGINE=InnoDB;
INSERT INTO orphan VALUES (1, 999);
SET foreign_key_checks = 1;

-- Engines, partitions, history, sequences -------------------------------------------------------------------------------------

CREATE TABLE in_myisam (id INT PRIMARY KEY, v VARCHAR(40), KEY (v)) ENGINE=MyISAM;
INSERT INTO in_myisam SELECT seq, MD5(seq) FROM seq_1_to_100;
DELETE FROM in_myisam WHERE id MOD 3 = 0;
CREATE TABLE in_myisam_fixed (id INT PRIMARY KEY, v CHAR(20)) ENGINE=MyISAM ROW_FORMAT=FIXED;
INSERT INTO in_myisam_fixed SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE in_aria (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=Aria TRANSACTIONAL=1;
INSERT INTO in_aria SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE in_aria_plain (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=Aria TRANSACTIONAL=0 ROW_FORMAT=DYNAMIC;
INSERT INTO in_aria_plain SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE in_memory (id INT PRIMARY KEY, v VARCHAR(20), KEY (v) USING HASH) ENGINE=MEMORY MAX_ROWS=1000;
INSERT INTO in_memory SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE in_csv (a INT NOT NULL, t VARCHAR(50) NOT NULL) ENGINE=CSV;
INSERT INTO in_csv VALUES (1, 'a "quoted", text'), (2, 'a\nline'), (2, 'a\\b'), (1, '');
CREATE TABLE in_archive (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT) ENGINE=ARCHIVE;
INSERT INTO in_archive SELECT seq, REPEAT('text ', seq) FROM seq_1_to_50;
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
CREATE TABLE parts_list (k VARCHAR(10), n INT) ENGINE=MyISAM PARTITION BY LIST COLUMNS (k)
  (PARTITION a VALUES IN ('a', 'it''s'), PARTITION other DEFAULT);
INSERT INTO parts_list VALUES ('a', 1), ('it''s', 2), ('z', 3), (NULL, 4);
CREATE TABLE parts_hash (id INT PRIMARY KEY, n INT) ENGINE=InnoDB PARTITION BY HASH (id) PARTITIONS 5;
INSERT INTO parts_hash SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE parts_key (id VARCHAR(40) PRIMARY KEY, n INT) ENGINE=Aria PARTITION BY KEY (id) PARTITIONS 3;
INSERT INTO parts_key SELECT MD5(seq), seq FROM seq_1_to_20;
CREATE TABLE parts_sub (d INT NOT NULL, n INT NOT NULL, PRIMARY KEY (d, n)) ENGINE=InnoDB PARTITION BY RANGE (d) SUBPARTITION BY HASH (n) SUBPARTITIONS 2
  (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (100));
INSERT INTO parts_sub SELECT seq MOD 50, seq FROM seq_1_to_100;

CREATE TABLE history_implicit (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB WITH SYSTEM VERSIONING;
CREATE TABLE history_explicit (
  id INT PRIMARY KEY, v INT, unversioned INT WITHOUT SYSTEM VERSIONING, began TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
  ended TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (began, ended)
) ENGINE=InnoDB WITH SYSTEM VERSIONING;
CREATE TABLE history_parts (id INT, v INT) ENGINE=InnoDB WITH SYSTEM VERSIONING
  PARTITION BY SYSTEM_TIME (PARTITION past HISTORY, PARTITION now CURRENT);
SET timestamp = 1600000000;
INSERT INTO history_implicit VALUES (1, 'first'), (2, 'stays'), (3, 'goes');
INSERT INTO history_explicit (id, v, unversioned) VALUES (1, 1, 1), (2, 2, 2);
INSERT INTO history_parts VALUES (1, 1), (2, 2);
SET timestamp = 1600000001.5;
UPDATE history_implicit SET v = 'second' WHERE id = 1;
DELETE FROM history_implicit WHERE id = 3;
UPDATE history_explicit SET v = 10 WHERE id = 1;
DELETE FROM history_explicit WHERE id = 2;
UPDATE history_parts SET v = 5;
SET timestamp = 1600000002.000001;
UPDATE history_implicit SET v = 'third' WHERE id = 1;
INSERT INTO history_implicit VALUES (3, 'came back');
UPDATE history_explicit SET unversioned = 7;
SET timestamp = 1700000000.123456;
CREATE TABLE bookings (room INT, came DATE, went DATE, PERIOD FOR stay (came, went), PRIMARY KEY (room, stay WITHOUT OVERLAPS)) ENGINE=InnoDB;
INSERT INTO bookings VALUES (1, '2020-01-01', '2020-01-05'), (1, '2020-01-05', '2020-01-07'), (2, '2020-01-01', '2020-02-01');

CREATE SEQUENCE counter START WITH 100 INCREMENT BY 7 MINVALUE -50 MAXVALUE 10000 CACHE 20 CYCLE;
CREATE SEQUENCE down START WITH -1 INCREMENT BY -1 NOCACHE;
CREATE TABLE numbered (id BIGINT DEFAULT NEXTVAL(counter) PRIMARY KEY, v INT) ENGINE=InnoDB;
INSERT INTO numbered (v) VALUES (1), (2), (3);
SELECT NEXTVAL(down), NEXTVAL(down);

-- Views, in an order that their names do not tell -----------------------------------------------------------------------------

CREATE VIEW z_first AS SELECT id, v FROM in_myisam WHERE v LIKE '%a%';
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW m_second AS SELECT id, v AS `up``per` FROM z_first WITH LOCAL CHECK OPTION;
CREATE DEFINER=`no body`@`%` VIEW a_third (`an id`, `a "text"`) AS
  SELECT m.id, CONCAT('it''s \\ ', m.`up``per`, ' ä😀') FROM m_second m JOIN integers USING (id);
CREATE ALGORITHM=TEMPTABLE VIEW `view of seq` AS SELECT COUNT(*) AS n FROM m_second UNION ALL SELECT v FROM numbered;
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
SET sql_mode = 'NO_BACKSLASH_ESCAPES' //
CREATE FUNCTION backslashes() RETURNS VARCHAR(20) CHARACTER SET utf8mb4 DETERMINISTIC NO SQL RETURN 'a\b\' //
SET sql_mode = 'ORACLE' //
CREATE FUNCTION of_oracle(a NUMBER) RETURN NUMBER AS BEGIN RETURN a + 1; END //
CREATE PACKAGE tools AS FUNCTION one RETURN INT; PROCEDURE two; END //
CREATE PACKAGE BODY tools AS FUNCTION one RETURN INT AS BEGIN RETURN 1; END; PROCEDURE two AS BEGIN NULL; END; END //
SET sql_mode = '' //
SET NAMES latin1 //
-- To the server each of these letters is two of latin1.
CREATE DEFINER=`no body`@`%` FUNCTION of_latin1() RETURNS VARCHAR(20) CHARACTER SET latin1 DETERMINISTIC RETURN 'äöü' //
CREATE VIEW of_latin1_too AS SELECT 'äöü' AS a //
SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci //
CREATE AGGREGATE FUNCTION summed(x INT) RETURNS INT BEGIN
  DECLARE s INT DEFAULT 0;
  DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s;
  LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP;
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

CREATE DATABASE `odd ``name'. /%é` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
USE `odd ``name'. /%é`;
CREATE TABLE `.hidden` (`.a` INT PRIMARY KEY, `b c` INT);
CREATE TABLE `..` (`..` INT PRIMARY KEY);
CREATE TABLE `back``tick` (`a``b` INT PRIMARY KEY, `it's` INT, `"` INT);
CREATE TABLE `it's "quoted"` (a INT PRIMARY KEY);
CREATE TABLE `with space` (`a b` INT PRIMARY KEY, `c.d` INT);
CREATE TABLE `a.b` (a INT PRIMARY KEY);
CREATE TABLE `a/b\c` (`x/y\z` INT PRIMARY KEY);
CREATE TABLE `100%` (`%s` INT PRIMARY KEY, `?` INT, `@v` INT, `:x` INT);
CREATE TABLE `größe` (`straße` INT PRIMARY KEY, `日本` INT, `ﬁ` INT) ENGINE=MyISAM;
CREATE TABLE `.table` (a INT PRIMARY KEY);
CREATE TABLE `rows` (`rows` INT PRIMARY KEY);
CREATE TABLE `select` (`select` INT PRIMARY KEY, `from` INT, `key` INT);
CREATE TABLE `Case` (a INT PRIMARY KEY);
CREATE TABLE `case` (A INT PRIMARY KEY);
CREATE TABLE `a name of sixty-four letters, as long as the name of one may be.` (`a name of sixty-four letters, as long as the name of one may be.` INT);
CREATE TABLE `123` (`1` INT PRIMARY KEY, `1e5` INT);
CREATE TABLE `-- ; comment` (`/* a */` INT PRIMARY KEY, `#` INT);
CREATE TABLE `two
lines` (`a
b` INT PRIMARY KEY);
INSERT INTO `.hidden` VALUES (1, 2);
INSERT INTO `..` VALUES (1);
INSERT INTO `back``tick` VALUES (1, 2, 3);
INSERT INTO `it's "quoted"` VALUES (1);
INSERT INTO `with space` VALUES (1, 2);
INSERT INTO `a.b` VALUES (1);
INSERT INTO `a/b\c` VALUES (1);
INSERT INTO `100%` VALUES (1, 2, 3, 4);
INSERT INTO `größe` VALUES (1, 2, 3);
INSERT INTO `.table` VALUES (1);
INSERT INTO `rows` VALUES (1);
INSERT INTO `select` VALUES (1, 2, 3);
INSERT INTO `Case` VALUES (1);
INSERT INTO `case` VALUES (2);
INSERT INTO `123` VALUES (1, 2);
INSERT INTO `-- ; comment` VALUES (1, 2);
INSERT INTO `two
lines` VALUES (1);
CREATE VIEW `a view of 100%` AS SELECT `%s` AS `per cent`, t.id FROM `100%`, torture.tree t;
CREATE TRIGGER `tr/ig``ger` BEFORE UPDATE ON `a/b\c` FOR EACH ROW SET NEW.`x/y\z` = NEW.`x/y\z`;
CREATE PROCEDURE `pro.ce/dure`() SELECT 1;
CREATE SEQUENCE `se.quence %`;
