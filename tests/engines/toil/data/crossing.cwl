cwlVersion: v1.2
class: Workflow
doc: Tools whose jobs reach a runner in ways that differ from engine to engine.
requirements:
  StepInputExpressionRequirement: {}
  InlineJavascriptRequirement: {}
  ScatterFeatureRequirement: {}
  MultipleInputFeatureRequirement: {}
inputs:
  reads: {type: File, secondaryFiles: [.idx]}
  words: string[]
  literal: File
outputs:
  beside: {type: File, outputSource: beside/out}
  literal_out: {type: File, outputSource: literal_in/out}
  made_out: {type: File, secondaryFiles: [.idx], outputSource: made/out}
  read_out: {type: File, outputSource: read/out}
  cores_out: {type: File, outputSource: cores/out}
  staged_out: {type: File, outputSource: staged/out}
  environment_out: {type: File, outputSource: environment/out}
  input_out: {type: File, outputSource: standard_input/out}
  several_out: {type: File, outputSource: several/out}
  default_out: {type: File, outputSource: default/out}
  dynamic_out: {type: File, outputSource: dynamic/out}
  maybe_out: {type: File, outputSource: maybe/out}
  loaded_out: {type: File, outputSource: loaded/out}
  shell_out: {type: File, outputSource: shell/out}
  passed_out: {type: File, outputSource: passed/out}
  own_out: {type: File, outputSource: own/out}
  scattered_out: {type: 'File[]', outputSource: scattered/out}
  program_out: {type: File, outputSource: program/out}
  run_out: {type: File, outputSource: run_program/out}
steps:
  beside:
    in: {f: reads}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'cat "$0" "$0.idx"']
      arguments: [$(inputs.f)]
      inputs: {f: {type: File, secondaryFiles: [.idx]}}
      outputs: {out: {type: stdout}}
      stdout: beside.txt
  literal_in:
    in: {f: literal}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {f: {type: File, inputBinding: {}}}
      outputs: {out: {type: stdout}}
      stdout: literal.txt
  made:
    in: {word: {source: words, valueFrom: '$(self[0])'}}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'echo "$0" > made; echo index > made.idx']
      arguments: [$(inputs.word)]
      inputs: {word: string}
      outputs: {out: {type: File, secondaryFiles: [.idx], outputBinding: {glob: made}}}
  read:
    in: {f: made/out}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'cat "$0" "$0.idx"']
      arguments: [$(inputs.f)]
      inputs: {f: {type: File, secondaryFiles: [.idx]}}
      outputs: {out: {type: stdout}}
      stdout: read.txt
  cores:
    in: {}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: echo
      arguments: [$(runtime.cores), $(runtime.ram)]
      inputs: {}
      outputs: {out: {type: stdout}}
      stdout: cores.txt
  staged:
    in: {f: made/out}
    out: [out]
    run:
      class: CommandLineTool
      requirements:
        InitialWorkDirRequirement:
          listing:
            - {entryname: renamed.txt, entry: $(inputs.f), writable: true}
            - {entryname: script.sh, entry: 'echo more >> renamed.txt; cat renamed.txt'}
      baseCommand: [sh, script.sh]
      inputs: {f: File}
      outputs: {out: {type: stdout}}
      stdout: staged.txt
  environment:
    in: {word: {source: words, valueFrom: '$(self[1])'}}
    out: [out]
    run:
      class: CommandLineTool
      requirements: {EnvVarRequirement: {envDef: {WORD: $(inputs.word)}}}
      baseCommand: [sh, -c, 'echo $WORD']
      inputs: {word: string}
      outputs: {out: {type: stdout}}
      stdout: environment.txt
  standard_input:
    in: {f: reads}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: cat
      stdin: $(inputs.f.path)
      inputs: {f: File}
      outputs: {out: {type: stdout}}
      stdout: input.txt
  several:
    in:
      all: {source: [made/out, reads, literal_in/out], linkMerge: merge_flattened}
      both: {source: made/out, valueFrom: '$({"left": self, "n": 3})'}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs:
        all: {type: 'File[]', inputBinding: {}}
        both:
          type:
            type: record
            fields:
              left: {type: File, inputBinding: {}}
              n: int
      outputs: {out: {type: stdout}}
      stdout: several.txt
  default:
    in: {}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs:
        f: {type: File, inputBinding: {}, default: {class: File, location: default.txt}}
      outputs: {out: {type: stdout}}
      stdout: default.txt
  dynamic:
    in: {f: made/out}
    out: [out]
    run:
      class: CommandLineTool
      requirements: {ResourceRequirement: {ramMin: '$(inputs.f.size + 100)'}}
      baseCommand: cat
      inputs: {f: {type: File, inputBinding: {}}}
      outputs: {out: {type: stdout}}
      stdout: dynamic.txt
  maybe:
    when: $(inputs.word.length > 1)
    in: {word: {source: words, valueFrom: '$(self[1])'}}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: echo
      inputs: {word: {type: string, inputBinding: {}}}
      outputs: {out: {type: stdout}}
      stdout: maybe.txt
  loaded:
    in: {f: made/out}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: echo
      arguments: [$(inputs.f.contents), $(inputs.f.size), $(inputs.f.basename)]
      inputs: {f: {type: File, loadContents: true}}
      outputs: {out: {type: stdout}}
      stdout: loaded.txt
  shell:
    in: {f: reads}
    out: [out]
    run:
      class: CommandLineTool
      requirements: {ShellCommandRequirement: {}}
      arguments: [{shellQuote: false, valueFrom: 'cat $(inputs.f.path) | tr a-z A-Z'}]
      inputs: {f: File}
      outputs: {out: {type: stdout}}
      stdout: shell.txt
  passed:
    in: {f: made/out}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: 'true'
      inputs: {f: File}
      outputs: {out: {type: File, outputBinding: {outputEval: $(inputs.f)}}}
  own:
    in: {}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand:
        - sh
        - -c
        - 'echo own > o.txt; echo ''{"out": {"class": "File", "path": "o.txt"}}'' > cwl.output.json'
      inputs: {}
      outputs: {out: File}
  scattered:
    scatter: word
    in: {word: words}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: echo
      inputs: {word: {type: string, inputBinding: {}}}
      outputs: {out: {type: stdout}}
      stdout: word.txt
  program:
    in: {}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'printf "#!/bin/sh\necho ran\n" > program; chmod +x program']
      inputs: {}
      outputs: {out: {type: File, outputBinding: {glob: program}}}
  run_program:
    in: {f: program/out}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: []
      inputs: {f: {type: File, inputBinding: {}}}
      outputs: {out: {type: stdout}}
      stdout: ran.txt
