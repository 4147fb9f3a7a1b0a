//! Every fused op against the composite one in double precision, values and gradients, and its
//! backward pass against differences of its own forward pass.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::{Dropout, Form, add_norm, attention, dropout, gelu, linear};
use crate::random::Stream;

/// Largest difference between fused F32 and composite F64 results, as a part of the tensor's
/// largest value: a few hundred roundings of 6e-8, and the 4e-7 of `erf`.
const PRECISION: f64 = 3e-6;

/// The same between a directional derivative and the symmetric difference quotient of F32 values
/// over [`STEP`]: rounding of 6e-8 / STEP and curvature of STEP².
const QUOTIENT_PRECISION: f64 = 2e-3;
const STEP: f64 = 5e-3;

type Op = Box<dyn Fn(Form, &[Tensor]) -> Result<Tensor>>;

fn normal(shape: &[usize], random: &mut Stream) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| crate::random::normal(random) as f32)
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor
        .to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

/// Value of `sum(op(inputs) * direction)`, the op's result and the inputs' gradients.
fn run(
    op: &Op,
    form: Form,
    inputs: &[Tensor],
    direction: &Tensor,
) -> (f64, Vec<f64>, Vec<Vec<f64>>) {
    let inputs: Vec<Var> = inputs
        .iter()
        .map(|input| Var::from_tensor(input).unwrap())
        .collect();
    let tensors: Vec<Tensor> = inputs
        .iter()
        .map(|input| input.as_tensor().clone())
        .collect();
    let result = op(form, &tensors).unwrap();
    let objective = result.mul(direction).unwrap().sum_all().unwrap();
    let gradients = objective.backward().unwrap();
    let gradients = inputs
        .iter()
        .map(|input| values(gradients.get(input).expect("a gradient")))
        .collect();
    let result = values(&result);
    (
        result
            .iter()
            .zip(values(direction))
            .map(|(r, d)| r * d)
            .sum(),
        result,
        gradients,
    )
}

fn assert_close(name: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(0f64, |a, b| a.max(b.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f - e).abs() <= PRECISION * largest,
            "{name}[{i}]: {f}, expected {e}, largest {largest}"
        );
    }
}

fn check(name: &str, shapes: &[&[usize]], op: Op) {
    let mut random = Stream::new(name.len() as u64);
    let inputs: Vec<Tensor> = shapes
        .iter()
        .map(|shape| normal(shape, &mut random))
        .collect();
    let direction = normal(op(Form::Fused, &inputs).unwrap().dims(), &mut random);

    let double = |tensor: &Tensor| tensor.to_dtype(DType::F64).unwrap();
    let doubles: Vec<Tensor> = inputs.iter().map(double).collect();
    let (_, result, gradients) = run(&op, Form::Fused, &inputs, &direction);
    let (_, expected, expected_gradients) =
        run(&op, Form::Composite, &doubles, &double(&direction));
    assert_close(name, &result, &expected);
    for (i, (gradient, expected)) in gradients.iter().zip(&expected_gradients).enumerate() {
        assert_close(&format!("{name}, gradient {i}"), gradient, expected);
    }

    for (i, shape) in shapes.iter().enumerate() {
        let way = normal(shape, &mut random);
        let moved = |step: f64| {
            let mut inputs = inputs.clone();
            inputs[i] = (&inputs[i] + (&way * step).unwrap()).unwrap();
            run(&op, Form::Fused, &inputs, &direction).0
        };
        let quotient = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let derivative: f64 = gradients[i]
            .iter()
            .zip(values(&way))
            .map(|(g, w)| g * w)
            .sum();
        let scale = gradients[i].iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(
            (quotient - derivative).abs() <= QUOTIENT_PRECISION * scale,
            "{name}, input {i}: quotient {quotient}, derivative {derivative}, scale {scale}"
        );
    }
}

#[test]
fn linear_passes_values_and_gradients() {
    for (n, i, o) in [(1, 1, 1), (5, 3, 7), (300, 48, 33)] {
        let op: Op = Box::new(|form, x| linear(form, &x[0], &x[1], &x[2]));
        check(
            &format!("linear {n} {i} {o}"),
            &[&[n, i], &[o, i], &[o]],
            op,
        );
    }
}

#[test]
fn gelu_passes_values_and_gradients() {
    for (n, f) in [(1, 1), (3, 17), (70, 300)] {
        check(
            &format!("gelu {n} {f}"),
            &[&[n, f]],
            Box::new(|form, x| gelu(form, &x[0])),
        );
    }
}

#[test]
fn dropout_passes_values_and_gradients() {
    for (n, h, p) in [(1, 1, 0.5), (130, 37, 0.1), (65, 16, 0.9)] {
        let op: Op = Box::new(move |form, x| dropout(form, &x[0], Dropout::new(p, 11)));
        check(&format!("dropout {n} {h} {p}"), &[&[n, h]], op);
    }
}

#[test]
fn add_norm_passes_values_and_gradients() {
    for (n, h, p) in [(1, 2, 0.0), (3, 16, 0.0), (130, 37, 0.1), (65, 48, 0.5)] {
        let op: Op = Box::new(move |form, x| {
            add_norm(form, &x[0], &x[1], &x[2], &x[3], 1e-12, Dropout::new(p, 12))
        });
        // With two columns the result is -1 and 1 whatever the input is: its gradient is zero and
        // no precision is relative to it.
        let h = h.max(3);
        check(
            &format!("add-norm {n} {h} {p}"),
            &[&[n, h], &[n, h], &[h], &[h]],
            op,
        );
    }
}

#[test]
fn attention_passes_values_and_gradients() {
    let table: [(&[usize], usize, usize, f64); 5] = [
        (&[0, 2], 1, 1, 0.0),
        (&[0, 1, 4], 2, 3, 0.0),
        (&[0, 5, 6, 38], 2, 8, 0.0),
        (&[0, 17, 40, 73], 3, 4, 0.1),
        (&[0, 33], 4, 2, 0.5),
    ];
    for (starts, heads, depth, p) in table {
        let rows = starts[starts.len() - 1];
        let op: Op =
            Box::new(move |form, x| attention(form, &x[0], starts, heads, Dropout::new(p, 13)));
        check(
            &format!("attention {starts:?} {heads} {depth} {p}"),
            &[&[rows, 3 * heads * depth]],
            op,
        );
    }
}

/// A sequence's result does not depend on what it is packed with, which is what a padding mask is
/// for.
#[test]
fn sequences_do_not_see_one_another() {
    let mut random = Stream::new(5);
    let (first, second) = (normal(&[7, 24], &mut random), normal(&[5, 24], &mut random));
    let packed = Tensor::cat(&[&first, &second], 0).unwrap();
    let together = attention(Form::Fused, &packed, &[0, 7, 12], 2, Dropout::NONE).unwrap();
    let alone = attention(Form::Fused, &second, &[0, 5], 2, Dropout::NONE).unwrap();
    assert_eq!(values(&together.narrow(0, 7, 5).unwrap()), values(&alone));
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let qkv = zeros(&[4, 12]);
    for starts in [
        &[0usize, 3] as &[usize],
        &[1, 4],
        &[0, 2, 2, 4],
        &[],
        &[0, 5],
    ] {
        assert!(
            attention(Form::Fused, &qkv, starts, 2, Dropout::NONE).is_err(),
            "{starts:?}"
        );
    }
    assert!(attention(Form::Fused, &qkv, &[0, 4], 3, Dropout::NONE).is_err());
    assert!(attention(Form::Fused, &qkv, &[0, 4], 0, Dropout::NONE).is_err());
    assert!(linear(Form::Fused, &zeros(&[2, 3]), &zeros(&[4, 2]), &zeros(&[4])).is_err());
    assert!(linear(Form::Fused, &zeros(&[2, 3]), &zeros(&[4, 3]), &zeros(&[3])).is_err());
    let wrong = add_norm(
        Form::Fused,
        &zeros(&[2, 3]),
        &zeros(&[1, 3]),
        &zeros(&[3]),
        &zeros(&[3]),
        1e-5,
        Dropout::NONE,
    );
    assert!(wrong.is_err());
}
