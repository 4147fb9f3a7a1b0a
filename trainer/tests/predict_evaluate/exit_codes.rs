//! Exit codes, as `trainer --help` documents them. That training stops with 1 is tested where it is
//! trained.

use std::fs;

use crate::model::Models;
use crate::trainer;

#[test]
fn exit_codes_are_those_of_the_help() {
    let models = Models::new();
    let root = models.root.path();
    let data = "low O\nestrogen B-Hormones\n";
    fs::write(root.join("dev.bio"), data).unwrap();
    fs::write(root.join("twice.bio"), format!("{data}\n{data}")).unwrap();
    fs::write(root.join("broken.bio"), "low\n").unwrap();
    let few = "--min-documents 0 --min-strings 0 --min-mentions 0 --min-sparse 0";
    let model = "--model model.safetensors";
    let check = |arguments: &str, expected: i32| {
        let arguments = arguments.split(' ').filter(|word| !word.is_empty());
        let output = trainer(root, arguments.clone());
        let errors = String::from_utf8_lossy(&output.stderr);
        let arguments: Vec<&str> = arguments.collect();
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{arguments:?}\n{errors}"
        );
        // Who fails says why.
        assert_eq!(
            expected != 0,
            errors.contains("error: ") || errors.contains("Usage: ")
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let help = check("--help", 0);
    for code in ["0 done", "1 the work failed", "2 wrong usage"] {
        assert!(help.contains(code), "{help}\nlacks: {code}");
    }
    check("--version", 0);
    check(&format!("predict {model} estrogen"), 0);
    check(&format!("evaluate {model} --data dev.bio"), 0);
    check(&format!("data validate {few} dev.bio"), 0);

    check(&format!("data validate {few} twice.bio"), 1);
    check(&format!("data validate {few} --format json twice.bio"), 1);
    if cfg!(target_os = "linux") {
        check(
            &format!("evaluate {model} --data dev.bio --output /dev/full"),
            1,
        );
        check(&format!("predict {model} estrogen --output /dev/full"), 1);
    }

    check("", 2);
    check("forecast", 2);
    check(&format!("evaluate {model}"), 2);
    check(&format!("evaluate {model} --data absent.bio"), 2);
    check(&format!("evaluate {model} --data broken.bio"), 2);
    check(
        &format!("evaluate {model} --data dev.bio --output no/such/metrics.json"),
        2,
    );
    check("evaluate --model absent --data dev.bio", 2);
    check("data validate broken.bio", 2);
}
