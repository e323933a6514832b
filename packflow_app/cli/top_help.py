"""The text of ``packflow --help``: plain data, so that asking for it costs nothing."""

TOP_HELP = """\
packflow: turn a model and example events into one file that runs wherever
Python runs.

Usage: packflow [OPTIONS] COMMAND [ARGS]...
       packflow  alone on a terminal opens the terminal app

The journey
  init        make a project from a model file and example events
  inspect     tell what a file of events holds, and what is odd about it
  dry-run     run the model one by one and in batches, and compare
  validate    check everything that an export needs, with the place and the fix
  export      write the project as one file that runs anywhere Python runs
  verify      check archives from outside, against what their manifest says
  run         run an archive or a project on a stream of events

Around it
  serve       run an archive or a project between two message brokers
  show        tell what an archive holds and needs, and what another one changes
  sign        sign an archive, so that others can tell it is yours
  kit         put an archive and all it needs on the other side into one folder
  keygen      make a pair of keys to sign archives with
  compare     show how two models differ on the same events
  update      swap the model for a new one, and show what that changes
  demo        show the whole journey in a temporary folder
  ui          open the terminal app, which shows the whole journey
  migrate     turn a project of packflow 0.4 into ours, behaving the same
  skeletons   list what a new project can start from, and show one
  cache       list or remove extracted archives and their environments
  env         make, lock, show and remove the environment the model runs in
  config      show and keep what you prefer, such as colours and licence
  doctor      tell what is wrong with this machine, installation and project
  completion  print a script by which a shell completes commands and files

Options
  -C DIR                      work as if started in DIR
  --color auto|always|never   colours (default: auto, and NO_COLOR is honoured)
  --plain                     ask by numbered lists, where no cursor can move
  -q, --quiet                 say only what was asked for
  --debug                     show the traceback of an error
  --version                   show the version
  -h, --help                  show this help; COMMAND --help shows a command's

Start with:  packflow demo
       then  packflow init my-model --model model.joblib --events events.ndjson
       then  packflow init, beside your model and events: it asks what it needs
"""
