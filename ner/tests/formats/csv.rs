use ner::Labels;
use ner::formats::{Format, Source, read, write};

use crate::{collection, exported, provenance};

#[test]
fn table_of_marks_is_written() {
    let content = write::write(Format::Csv, &collection(), &provenance()).unwrap();
    let about = format!(
        "\"models/default\",\"clinical-ner 1.2.3\",\"{}\",0.4",
        "00ff".repeat(16)
    );
    let expected = [
        "document,start,end,text,type,score,source,accepted,model,version,sha256,threshold"
            .to_owned(),
        format!(
            "\"visit 1/2\",9,21,\"pelvic\r\npain\",\"Symptoms\",0.984,\"model\",\"false\",{about}"
        ),
        format!("\"visit 1/2\",30,40,\"oestradiol\",\"Hormones\",0.5,\"model\",\"true\",{about}"),
        format!("\"'=1+1\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",{about}"),
        format!(
            "\"<script>\"\"&'\",0,9,\"'-5 cramps\",\"Symptoms\",\"\",\"person\",\"true\",{about}"
        ),
        format!("\"<script>\"\"&'\",11,13,\"LH\",\"Hormones\",1,\"model\",\"false\",{about}"),
        format!(
            "\"<script>\"\"&'\",15,19,\"scan\",\"Procedures\",0.75,\"model\",\"false\",{about}"
        ),
        format!(
            "\"<script>\"\"&'\",21,29,\"follicle\",\"Ultrasound\",0.625,\"model\",\"false\",{about}"
        ),
        format!(
            "\"<script>\"\"&'\",31,40,\"Letrozole\",\"Medications\",\"\",\"person\",\"true\",{about}"
        ),
    ];
    assert_eq!(content, expected.join("\n") + "\n");
}

#[test]
fn no_cell_is_a_formula() {
    let check = |cell: &str, expected: &str| {
        let text = cell.trim();
        let document = exported(cell, text, &[(text, text, None, Source::Person, true)]);
        let content = write::write(Format::Csv, &[document], &provenance()).unwrap();
        let row = csv::Reader::from_reader(content.as_bytes())
            .records()
            .next()
            .unwrap()
            .unwrap();
        assert_eq!(&row[0], expected);
        assert_eq!(&row[3], expected.replace(cell, text));
        assert_eq!(&row[4], expected.replace(cell, text));
    };
    for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠a"] {
        check(cell, &format!("'{cell}"));
    }
    check("a=1", "a=1");
    check("a;=1", "a;=1");
    // White space begins no mark, but an id.
    for id in ["\tb", "\rb", "\nb"] {
        let document = exported(id, "b", &[("b", "b", None, Source::Person, true)]);
        let content = write::write(Format::Csv, &[document], &provenance()).unwrap();
        assert!(content.contains(&format!("\n\"'{id}\",0,1")), "{content}");
    }
}

#[test]
fn table_of_texts_is_read() {
    let check = |content: &str, expected: &[(&str, usize, &str)]| {
        let documents = read("a.csv", content, &Labels::guide()).unwrap();
        let found: Vec<_> = documents
            .iter()
            .map(|found| {
                (
                    found.document.id.as_str(),
                    found.line,
                    found.document.text.as_str(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{content:?}");
        assert!(
            documents
                .iter()
                .all(|found| !found.annotated && found.document.marks.is_empty())
        );
    };
    check("text\n", &[]);
    check(
        "text\npain\n\"a \"\"b\"\",\nc\"\nd\n",
        &[("2", 2, "pain"), ("3", 3, "a \"b\",\nc"), ("5", 5, "d")],
    );
    check(
        "\u{feff}ID, Text ,more\r\nx,no pain,\r\n,é,1\r\n",
        &[("x", 2, "no pain"), ("3", 3, "é")],
    );
    check("id;text\n1;a, b\n", &[("1", 2, "a, b")]);
    check("id\ttext\n1\ta, b\n", &[("1", 2, "a, b")]);
    check("start,text\n1,a\n", &[("2", 2, "a")]);
    // Blank lines are no rows, and a quote within a cell is a quote.
    check(
        "text\n\n6\" of gauze\n\r\n\"end\"\n\n",
        &[("3", 3, "6\" of gauze"), ("5", 5, "end")],
    );
    check("text\n\"a\n\"", &[("2", 2, "a\n")]);
}

#[test]
fn broken_tables_name_file_and_line() {
    let check = |content: &str, message: &str| {
        let error = read("a.csv", content, &Labels::guide()).unwrap_err();
        assert_eq!(error.to_string(), format!("a.csv:{message}"), "{content:?}");
    };
    check(
        "",
        "1: no column is named `text`; name the columns in the first line",
    );
    check(
        "note\npain\n",
        "1: no column is named `text`; name the columns in the first line",
    );
    check(
        "id,text\n1,a\n2,b,c\n",
        "3: 3 cells where the first line has 2",
    );
    let open = "a quote is opened in this row and never closed; close it, or double it where it belongs \
                to the text";
    for (content, line) in [
        ("id,text\n1,a\n\n2,\"b\n3,c\n", 4),
        ("id;text\r\n1;\"b\r\n2;c\r\n", 2),
        ("id,text\n\"1,a\n2,b\n", 2),
        ("id,text\n1,\"a\"\"\n", 2),
        ("id,text\n1,\"", 2),
        ("\"text\npain\n", 1),
    ] {
        check(content, &format!("{line}: {open}"));
    }
    let marks = write::write(Format::Csv, &collection(), &provenance()).unwrap();
    check(
        &marks,
        "1: this is a table of marks, which has no texts; take the same documents as JSON lines",
    );
}
