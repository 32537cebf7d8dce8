//! A test is made by the page, and becomes evidence there.

use super::client::Console;
use crate::harness::Machine;

#[test]
fn a_test_that_a_page_asks_for_stands_on_it_and_on_the_certificate() {
    let machine = Machine::with_repository();
    std::fs::write(machine.path("source/A/xray.jpg"), [0xff, 0xd8, 0xff, 0xd9]).unwrap();
    let quiet = "[schedule]\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
    let console = Console::open(machine, quiet);
    let owner = console.enter();
    owner.wait_for_first_backup();
    let before = owner.page("/proof");
    assert!(before.contains("No test yet") && before.contains("It was never tried"), "{before}");
    assert_eq!(owner.post("/proof/test", &[]).expect(303).header("location"), Some("/proof"));
    owner.wait_for_rest();
    let page = owner.page("/proof");
    assert!(page.contains("Brought back images and files, and opened the pictures"), "{page}");
    assert!(page.contains("1 of 1 tests wait for somebody to look"), "{page}");
    let certificate = owner.get("/proof/certificate").expect(200);
    assert!(certificate.body.contains("Evidence for restore tests") && !certificate.body.contains("<style>"));
    assert!(!certificate.head.contains("unsafe-inline"), "{}", certificate.head);
    owner.post("/proof/sign", &[]).expect(303);
    owner.wait_for_rest();
    assert!(owner.page("/proof").contains("Last by tester on "));
}
