// How cases are spoken of at every desk. The city's own names of states and moves are Chinese; here are those that are known in English.
import { language } from '../i18n/language';
import { speaker } from '../i18n/words';
import { settings } from '../api/settings';

export const words = {
  pending_file: ['待立案', 'To be filed'],
  verifying: ['待核查', 'Being looked at'],
  pending_dispatch: ['待派遣', 'To be dispatched'],
  pending_handle: ['待处置', 'To be handled'],
  handling: ['处置中', 'Being handled'],
  pending_check: ['待核实', 'To be checked'],
  closed: ['已结案', 'Closed'],
  void: ['不予立案', 'Not filed'],
  open: ['受理', 'Open'],
  report: ['上报', 'Reported'],
  verify: ['核查', 'Have it looked at'],
  verify_done: ['核查属实', 'It is so'],
  verify_failed: ['核查不属实', 'It is not so'],
  file: ['立案', 'File'],
  self_handle: ['自行处置', 'Put right on the spot'],
  dispatch: ['派遣', 'Dispatch'],
  link: ['联动', 'Call in others'],
  accept: ['签收', 'Accept'],
  assign: ['指派人员', 'Name a person'],
  return: ['回退', 'Give back'],
  transfer: ['转派', 'Pass on'],
  done: ['处置反馈', 'Done'],
  check_done: ['核实通过', 'Checked, it is done'],
  rework: ['返工', 'Do again'],
  close: ['结案', 'Close'],
  reopen: ['重新办理', 'Open again'],
  suspend: ['挂账', 'Suspend'],
  resume: ['恢复', 'Resume'],
  extend: ['延期', 'Extend'],
  supervise: ['督办', 'Supervise'],
  appeal: ['超期申诉', 'Appeal'],
  review_appeal: ['申诉审核通过', 'Uphold the appeal'],
  reject_appeal: ['申诉驳回', 'Reject the appeal'],
  move: ['改正位置', 'Correct the place'],
  reclassify: ['改正类别', 'Correct the category'],
  note: ['备注', 'Note'],
  moderate: ['公开审核', 'Show to all or not'],
  rate: ['满意度评价', 'Rate'],
  reassign: ['改派网格', 'Given to another grid'],
  due_soon: ['即将到期', 'Due soon'],
  overdue: ['超期', 'Overdue'],
  escalate: ['升级', 'Escalated'],
  record: ['存档', 'Record'],
  lead: ['主办', 'lead'],
  co: ['协办', 'with them'],
  waiting: ['待签收', 'not accepted yet'],
  accepted: ['已签收', 'accepted'],
  returned: ['已退回', 'given back'],
  passed: ['已转出', 'passed on'],
  taskDone: ['已完成', 'done'],
  stageDispatch: ['派遣', 'Dispatch'],
  stageHandle: ['处置', 'Handling'],
  stageCheck: ['核实', 'Check'],
  stageTotal: ['总时限', 'In all'],
  due: ['{}到期', 'due {}'],
  late: ['超期：{}到期', 'late: was due {}'],
  stands: ['计时暂停', 'the clock stands still'],
  stopped: ['{}完成', 'ended {}'],
  noLimit: ['无时限', 'no limit'],
} as const;

type Known = keyof typeof words;

const t = speaker(words);

/** The title of a state or a move: the city's own in Chinese, in English ours where it is known. */
export function titleOf(name: string | null | undefined, title?: string | null): string {
  if (name === null || name === undefined) return t('record');
  const known = name in words ? t(name as Known) : null;
  const { states = [], actions = [] } = settings.value?.workflow ?? {};
  const own = title ?? [...states, ...actions].find((one) => one.name === name)?.title;
  return language.value === 'zh' ? (own ?? known ?? name) : (known ?? own ?? name);
}

export { t };
