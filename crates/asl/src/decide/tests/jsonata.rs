use super::{Sim, check_story};

#[test]
fn defaults_need_no_expression() {
    let definition = r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Pass","Output":{"a.$":1},"Assign":{"x":[1]},"Next":"C"},
        "C":{"Type":"Choice","Choices":[{"Condition":false,"Next":"D"},
             {"Condition":true,"Next":"D","Output":"chosen","Assign":{"x":2}}]},
        "D":{"Type":"Succeed","Output":7}}}"#;
    check_story(
        definition,
        "0",
        &[],
        r#"
        2<0 PassStateEntered A 0
        3<2 PassStateExited 0
        4<3 PassStateEntered B 0
        5<4 PassStateExited {"a.$":1} assigned {"x":[1]}
        6<5 ChoiceStateEntered C {"a.$":1}
        7<6 ChoiceStateExited "chosen" assigned {"x":2}
        8<7 SucceedStateEntered D "chosen"
        9<8 SucceedStateExited 7
        10<9 ExecutionSucceeded 7
        "#,
    );
    let _ = Sim::new;
}
