use tempfile::TempDir;

use super::*;

const ROOT: &str = "/home/ann";

fn patterns(patterns: &[&str]) -> Excludes {
    let options = ExcludeOptions { patterns: patterns.iter().map(|p| p.to_string()).collect(), ..Default::default() };
    Excludes::root(&options, Path::new(ROOT)).unwrap()
}

#[track_caller]
fn check(excludes: &Excludes, excluded: &[&str], kept: &[&str]) {
    for (paths, expected) in [(excluded, true), (kept, false)] {
        for path in paths {
            let (bare, is_dir) = path.strip_suffix('/').map_or((*path, false), |bare| (bare, true));
            assert_eq!(excludes.is_excluded(bare.as_bytes(), is_dir), expected, "{path}");
        }
    }
}

/// A folder with these files.
fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

/// The exclusions at `path`, entered folder by folder from the root as a backup does.
fn entered(options: &ExcludeOptions, folder: &TempDir, path: &str) -> Result<Excludes> {
    let mut dir = Dir::open(folder.path()).unwrap();
    let mut excludes = Excludes::root(options, folder.path())?.enter(&dir, b"", &dir.names().unwrap())?;
    let mut reached = Vec::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        dir = dir.open_dir(name.as_bytes()).unwrap();
        if !reached.is_empty() {
            reached.push(b'/');
        }
        reached.extend_from_slice(name.as_bytes());
        excludes = excludes.enter(&dir, &reached, &dir.names().unwrap())?;
    }
    Ok(excludes)
}

fn with_ignore_files() -> ExcludeOptions {
    ExcludeOptions { ignore_file_name: Some(IGNORE_FILE.into()), ..Default::default() }
}

/// The error and its causes, as a user reads it.
fn said(error: &Error) -> String {
    format!("{error}: {}", std::error::Error::source(error).map(ToString::to_string).unwrap_or_default())
}

#[test]
fn nothing_is_left_out_unasked() {
    check(&patterns(&[]), &[], &["a", "a/b", ".git/"]);
    check(&patterns(&["", "  "]), &[], &["a", " "]);
}

#[test]
fn patterns_are_those_of_git() {
    check(&patterns(&["*.tmp"]), &["a.tmp", "deep/in/a.tmp", "folder.tmp/"], &["a.tmp2", "tmp"]);
    check(&patterns(&["/top"]), &["top", "top/"], &["in/top"]);
    check(&patterns(&["a/b"]), &["a/b"], &["x/a/b"]);
    check(&patterns(&["build/"]), &["build/", "x/build/"], &["build"]);
    check(
        &patterns(&["**/x/*.o", "logs/**"]),
        &["x/a.o", "p/x/a.o", "logs/a", "logs/a/b"],
        &["a.o", "x/y/a.o", "logs/"],
    );
    check(&patterns(&["?.[ch]"]), &["a.c", "b.h"], &["ab.c", "a.o"]);
    check(&patterns(&["\\!not", "\\#hash", "a\\*b"]), &["!not", "#hash", "a*b"], &["not", "axb"]);
}

#[test]
fn the_last_pattern_wins() {
    check(&patterns(&["*.jpg", "!keep.jpg"]), &["a.jpg"], &["keep.jpg", "x/keep.jpg"]);
    check(&patterns(&["!keep.jpg", "*.jpg"]), &["keep.jpg"], &[]);
}

#[test]
fn a_pattern_alone_is_no_comment() {
    check(&patterns(&["#recycle"]), &["#recycle/", "share/#recycle/"], &["recycle"]);
}

#[test]
fn patterns_may_begin_with_the_path_of_the_root() {
    check(&patterns(&["/home/ann/cache"]), &["cache/"], &["x/cache"]);
    check(&patterns(&["*.iso", "!/home/ann/keep/*.iso"]), &["a.iso"], &["keep/a.iso"]);
    check(&patterns(&["/home/annabel"]), &[], &["abel", "annabel"]);
    let options = ExcludeOptions { patterns: vec!["/home/ann/x".into()], ..Default::default() };
    check(&Excludes::root(&options, Path::new("/home/ann/")).unwrap(), &["x"], &["y/x"]);
    check(&Excludes::root(&options, Path::new("/")).unwrap(), &["home/ann/x"], &["x"]);
}

#[test]
fn names_need_not_be_utf8() {
    let excludes = patterns(&["*.tmp", "/a?b"]);
    assert!(excludes.is_excluded(b"x\xff/\xfe.tmp", false));
    assert!(excludes.is_excluded(b"a\xffb", false));
    assert!(!excludes.is_excluded(b"\xff", false));
}

#[test]
fn files_of_patterns_have_comments() {
    let file = b"\xef\xbb\xbf# comment\r\n\r\n*.tmp\r\n!keep.tmp\nlast";
    let folder = tree(&[("patterns", file)]);
    let pattern_files = vec![folder.path().join("patterns")];
    let options = ExcludeOptions { pattern_files, patterns: vec!["keep.tmp".into()], ..Default::default() };
    let excludes = Excludes::root(&options, Path::new(ROOT)).unwrap();
    check(&excludes, &["a.tmp", "last", "keep.tmp"], &["# comment", "lasting"]);
}

#[test]
fn ignore_files_hold_for_their_folder() {
    let folder = tree(&[
        (".enamelignore", b"*.log\n/only-here\nsub/named"),
        ("sub/.enamelignore", b"!keep.log\n/anchored\ndeep/x"),
        ("sub/deep/file", b""),
        ("other/file", b""),
    ]);
    let options = ExcludeOptions { patterns: vec!["from-above".into()], ..with_ignore_files() };
    let at = |path| entered(&options, &folder, path).unwrap();
    check(&at(""), &["a.log", "only-here", "sub/named", "from-above"], &["anchored", "sub/a"]);
    let excluded = ["sub/a.log", "sub/anchored", "sub/named", "sub/from-above"];
    check(&at("sub"), &excluded, &["sub/keep.log", "sub/only-here", "sub/.enamelignore"]);
    check(&at("sub/deep"), &["sub/deep/a.log", "sub/deep/x"], &["sub/deep/keep.log", "sub/deep/anchored"]);
    check(&at("other"), &["other/keep.log"], &["other/anchored"]);
    let unasked = ExcludeOptions { ignore_file_name: None, ..options.clone() };
    check(&entered(&unasked, &folder, "sub").unwrap(), &["sub/from-above"], &["sub/a.log"]);
}

#[test]
fn folders_without_patterns_share_those_above() {
    let folder = tree(&[(".enamelignore", b"x"), ("a/.enamelignore", b"# nothing\n"), ("a/b/file", b"")]);
    let options = with_ignore_files();
    let rules = entered(&options, &folder, "a/b").unwrap().rules.unwrap();
    assert!(rules.above.is_none() && rules.prefix == 0);
}

#[test]
fn only_the_tag_of_a_cache_is_kept() {
    let tag = [CACHE_TAG_SIGNATURE, b"\n# a cache"].concat();
    let folder = tree(&[
        ("cache/CACHEDIR.TAG", &tag),
        ("fake/CACHEDIR.TAG", b"Signature: none"),
        ("odd/CACHEDIR.TAG/file", b""),
        ("CACHEDIR.TAG", &tag),
    ]);
    let options = ExcludeOptions { caches: true, ..Default::default() };
    let at = |path| entered(&options, &folder, path).unwrap();
    check(&at("cache"), &["cache/a", "cache/sub/", "cache/xCACHEDIR.TAG"], &["cache/CACHEDIR.TAG"]);
    check(&at("fake"), &[], &["fake/a", "fake/CACHEDIR.TAG"]);
    check(&at("odd"), &[], &["odd/a"]);
    check(&at(""), &[], &["a", "cache/"]);
    check(&entered(&ExcludeOptions::default(), &folder, "cache").unwrap(), &[], &["cache/a"]);
}

#[test]
fn bad_patterns_are_named() {
    let options = ExcludeOptions { patterns: vec!["fine".into(), "[bad".into()], ..Default::default() };
    let error = Excludes::root(&options, Path::new(ROOT)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(said(&error).contains("bad pattern '[bad'"), "{}", said(&error));

    let folder =
        tree(&[("patterns", b"fine\n\nx{y\n"), ("latin1", b"fine\nm\xfcll\n"), ("sub/.enamelignore", b"a\n[z\n")]);
    let file = |name: &str| ExcludeOptions { pattern_files: vec![folder.path().join(name)], ..Default::default() };
    let error = Excludes::root(&file("patterns"), Path::new(ROOT)).unwrap_err();
    assert!(said(&error).contains("patterns, line 3: bad pattern 'x{y'"), "{}", said(&error));
    let error = Excludes::root(&file("latin1"), Path::new(ROOT)).unwrap_err();
    assert!(said(&error).contains("latin1, line 2: bad pattern 'm\u{fffd}ll'"), "{}", said(&error));
    let error = Excludes::root(&file("missing"), Path::new(ROOT)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(said(&error).contains("missing"), "{}", said(&error));
    let error = entered(&with_ignore_files(), &folder, "sub").unwrap_err();
    assert!(said(&error).contains("sub/.enamelignore, line 2: bad pattern '[z'"), "{}", said(&error));
}

#[test]
fn ignore_files_must_be_files() {
    let folder = tree(&[("sub/.enamelignore/file", b""), ("link/file", b"")]);
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("link/.enamelignore")).unwrap();
    for path in ["sub", "link"] {
        let error = entered(&with_ignore_files(), &folder, path).unwrap_err();
        assert!(said(&error).contains(".enamelignore"), "{}", said(&error));
    }
}

#[test]
fn patterns_may_begin_with_the_name_of_the_root_or_with_a_dot() {
    let folder = tree(&[("root/cache/x", b""), ("twin/twin/cache/x", b"")]);
    let excludes = |root: &str, pattern: &str| {
        let options = ExcludeOptions { patterns: vec![pattern.to_owned()], ..Default::default() };
        Excludes::root(&options, &folder.path().join(root)).unwrap()
    };
    for pattern in ["root/cache", "./cache", "root~2/cache", "/cache", "root/cache/"] {
        check(&excludes("root", pattern), &["cache/"], &["other/cache", "root/cache"]);
    }
    check(&excludes("root", "roots/cache"), &["roots/cache"], &["cache"]);
    // There is such a folder in the root: it is the one that is meant.
    check(&excludes("twin", "twin/cache"), &["twin/cache"], &["cache"]);
    check(&excludes("root", "!root/cache"), &[], &["cache"]);
}

#[test]
fn nothing_takes_back_what_is_always_left_out() {
    let folder = tree(&[(IGNORE_FILE, b"!*\n!thumbs\n")]);
    let options =
        ExcludeOptions { always: vec!["/thumbs/".into()], patterns: vec!["!thumbs".into()], ..with_ignore_files() };
    check(&entered(&options, &folder, "").unwrap(), &["thumbs/"], &["thumbs", "a"]);
}

#[test]
fn a_pattern_that_left_nothing_out_is_known() {
    let excludes = patterns(&["*.tmp", "/home/ann/x", "y", "!z", "*.log"]);
    assert_eq!(excludes.unused(), [0, 1, 2, 4]);
    check(&excludes, &["a.tmp", "x"], &["b", "z"]);
    assert_eq!(excludes.unused(), [2, 4]);
}

#[test]
fn the_path_of_the_root_may_be_quoted() {
    let options = ExcludeOptions { patterns: vec![r"/srv/Open \[Dent\]/x".into()], ..Default::default() };
    check(&Excludes::root(&options, Path::new("/srv/Open [Dent]")).unwrap(), &["x"], &["a/x"]);
}
